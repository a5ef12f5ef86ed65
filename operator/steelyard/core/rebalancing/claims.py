"""Verdicts on advertised figures: what was claimed against what was measured here, with n."""

from __future__ import annotations

from dataclasses import replace

from steelyard.core.catalogue.relative import meant
from steelyard.core.facts.claim import Claim, ClaimMetric
from steelyard.core.facts.memory import ClaimVerdict, VerdictWord
from steelyard.core.planning.claim_price import first_prices, prices_now
from steelyard.core.planning.option import PER_HOUR, Option
from steelyard.core.rebalancing.verdict import Comparison, on_claim
from steelyard.core.statistics.interval import Interval


def verdicts(options: tuple[Option, ...], model: str, least: int, old: tuple[ClaimVerdict, ...]) -> tuple[ClaimVerdict, ...]:
    """One verdict a claim of a selected pool that speaks of the model, in order of pool and claim. An old one stays until its word or its
    n is outgrown."""
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
                verdict = on_claim(option.pool, claim.name, _comparison(option, claim, by_pool), least)
                verdict = replace(verdict, relative_to=claim.relative_to, first_prices=first)
                found.append(replace(last, first_prices=first) if last is not None and still_says(last, verdict) else verdict)
    return tuple(found)


def still_says(old: ClaimVerdict, new: ClaimVerdict) -> bool:
    """Whether nothing is to be written: the same word on the same claim with not much more evidence, or a doubt with no more evidence
    than the conclusive word before it had."""
    if old.claimed != new.claimed or old.relative_to not in {None, new.relative_to}:  # None: of a version that did not write it down
        return False
    if old.verdict is not new.verdict:
        return new.verdict is VerdictWord.INCONCLUSIVE and 0 < old.n >= new.n
    return (old.measured is None) == (new.measured is None) and (old.n > 0 or new.n == 0) and new.n < 4 * max(1, old.n)


def _comparison(option: Option, claim: Claim, by_pool: dict[str, Option]) -> Comparison:
    cost, rate = _unit_cost_at_capacity(option), _rate(option)
    n = option.capacity.n if option.measured and option.capacity else 0
    costs = claim.metric is ClaimMetric.UNIT_COST
    if claim.metric not in {ClaimMetric.UNIT_COST, ClaimMetric.THROUGHPUT} or claim.figure == 0:
        what = f"{claim.metric.value.lower()} (not measured by this version)"
        return Comparison(what=what, claimed=claim.figure, measured=None, n=0, lower_is_better=True)
    if claim.ratio is not None and claim.relative_to is not None:
        named = meant(claim.relative_to, (o.candidate.pool for o in by_pool.values()), option.pool)
        other = by_pool.get(named) if named else None
        mine, theirs = (cost, _unit_cost_at_capacity(other) if other else None) if costs else (rate, _rate(other) if other else None)
        return Comparison(
            what=f"{'unit cost' if costs else 'throughput'} relative to {claim.relative_to}",
            claimed=claim.ratio,
            measured=mine.over(theirs) if mine and theirs else None,
            n=min(n, other.capacity.n) if other and other.measured and other.capacity else 0,
            lower_is_better=costs,
        )
    return Comparison(
        what="cost per 1,000 good requests at capacity" if costs else "good requests per second and replica",
        claimed=claim.figure,
        measured=cost if costs else rate,
        n=n,
        lower_is_better=costs,
    )


def _rate(option: Option) -> Interval | None:
    """Where a broken promise holds the figure down, what the busy time says is the point: how much a queue allows is a matter of the objective,
    and the same on both sides."""
    if not option.measured or option.capacity is None:
        return None
    rate = option.capacity.rate
    return Interval(rate.upper, rate.lower, rate.upper) if option.capacity.taught else rate


def _unit_cost_at_capacity(option: Option) -> Interval | None:
    """Money per 1,000 good requests of a replica at its capacity: free of the whole numbers that a particular load needs."""
    rate = _rate(option)
    if rate is None or option.each is None or rate.lower <= 0:
        return None
    return Interval(option.each / (PER_HOUR * rate.point), option.each / (PER_HOUR * rate.upper), option.each / (PER_HOUR * rate.lower))
