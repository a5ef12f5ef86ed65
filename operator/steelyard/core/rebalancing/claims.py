"""Verdicts on advertised figures: what was claimed against what was measured here of the same quantity, with n."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from steelyard.core.catalogue.relative import meant
from steelyard.core.facts.claim import Claim, ClaimMetric
from steelyard.core.facts.memory import ClaimVerdict, VerdictWord
from steelyard.core.facts.unit_cost import Unit
from steelyard.core.planning.claim_price import first_prices, prices_now
from steelyard.core.planning.option import Option
from steelyard.core.rebalancing.beside import over
from steelyard.core.rebalancing.quantity import Quantity, planned_only
from steelyard.core.rebalancing.verdict import Comparison, Seen, on_claim
from steelyard.core.vocabulary.reason import Reason, Refusal

MORE = 4
"""Times the requests of the last word that are much more evidence than it had."""


def verdicts(
    options: tuple[Option, ...], model: str, least: int, old: tuple[ClaimVerdict, ...], objective: Unit = Unit.GOOD_REQUESTS
) -> tuple[ClaimVerdict, ...]:
    """One verdict a claim of a selected pool that speaks of the model, in order of pool and claim. An old one stays until its word or its
    n is outgrown. objective: what a ratio is of that does not say it."""
    by_pool, candidates = {o.pool: o for o in options}, {o.pool: o.candidate for o in options}
    before = {(v.pool, v.name): v for v in old}
    found = []
    for option in options:
        if not option.candidate.pool.selected:
            continue
        for claim in sorted(option.candidate.pool.claims, key=lambda c: c.name):
            if claim.speaks_of(model):
                last = before.get((option.pool, claim.name))
                first = first_prices(claim, last, prices_now(claim, option.pool, candidates))
                unit = claim.counted(objective)
                verdict = on_claim(option.pool, claim.name, _comparison(option, claim, unit, by_pool), least)
                found.append(_or_last(replace(verdict, relative_to=claim.relative_to, first_prices=first, unit=unit), last))
    return tuple(found)


def _or_last(verdict: ClaimVerdict, last: ClaimVerdict | None) -> ClaimVerdict:
    """The last verdict where it still stands, with the first prices that are known now; else the new one."""
    if last is None or not still_says(last, verdict):
        return verdict
    return last if last.first_prices == verdict.first_prices else replace(last, first_prices=verdict.first_prices)


def still_says(old: ClaimVerdict, new: ClaimVerdict) -> bool:
    """Whether nothing is to be written: the same word on the same claim with not much more evidence, or a doubt without much more evidence than the
    conclusive word before it had. That was said by bounds that hold at every look: what the next few requests leave open takes nothing back."""
    if not _is_on_same_claim(old, new):
        return False
    if old.verdict is not new.verdict:
        return new.verdict is VerdictWord.INCONCLUSIVE and new.n < MORE * old.n
    if old.n == new.n == 0 and old.reason != new.reason:
        return False
    return (old.measured is None) == (new.measured is None) and (old.n > 0 or new.n == 0) and new.n < MORE * max(1, old.n)


def _is_on_same_claim(old: ClaimVerdict, new: ClaimVerdict) -> bool:
    # None: of a version that did not write down what the claim is relative to.
    return old.claimed == new.claimed and old.unit is new.unit and old.relative_to in {None, new.relative_to}


def _comparison(option: Option, claim: Claim, unit: Unit, by_pool: dict[str, Option]) -> Comparison:
    """Like with like: the same quantity in the same unit at the same operating point, on both sides of a ratio."""
    quantity = Quantity.of(claim)
    if claim.figure == 0:
        nothing = Refusal(Reason.NOT_COMPARABLE, "the claim has no figure: give a ratio or a value above 0")
        return Comparison(what=claim.metric.value.lower(), claimed=0.0, seen=nothing, lower_is_better=quantity.lower_is_better)
    on = partial(quantity.on, unit=unit)
    return Comparison(
        what=quantity.told(claim, unit),
        claimed=claim.figure,
        seen=_seen(option, claim, on, by_pool),
        lower_is_better=quantity.lower_is_better,
    )


def _seen(option: Option, claim: Claim, on: Callable[[Option], Seen | Refusal], by_pool: dict[str, Option]) -> Seen | Refusal:
    mine = on(option)
    if claim.ratio is None or claim.relative_to is None:
        return mine if isinstance(mine, Refusal) else planned_only(option, Quantity.of(claim)) or mine
    named = meant(claim.relative_to, (o.candidate.pool for o in by_pool.values()), option.pool)
    if named is None or named not in by_pool:
        return Refusal(Reason.NOT_COMPARABLE, f"{claim.relative_to} is no pool that this workload may use")
    return _ratio(claim.metric, mine, on(by_pool[named]))


def _ratio(metric: ClaimMetric, mine: Seen | Refusal, theirs: Seen | Refusal) -> Seen | Refusal:
    """One figure over the other; the first that was not measured says why there is no ratio."""
    if isinstance(mine, Refusal):
        return mine
    if isinstance(theirs, Refusal):
        return theirs
    if metric is ClaimMetric.LATENCY and (mine.full is None or theirs.full is None):
        return Refusal(
            Reason.NOT_COMPARABLE, "what a replica completes at most is not known of both pools, so that their loads cannot be compared"
        )
    return over(mine, theirs)
