"""What a trial says of each claim: by what it measured itself, and by nothing else that is known of the pools."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from typing import TypeAlias

from steelyard.core.catalogue.relative import meant
from steelyard.core.facts.capacity import Capacity
from steelyard.core.facts.claim import Claim
from steelyard.core.facts.memory import ClaimVerdict, Known, VerdictWord
from steelyard.core.facts.snapshot import Pool, Workload
from steelyard.core.facts.trial import ClaimAtLength, PoolClaim, TrialMemory, TrialRow, TrialVerdict
from steelyard.core.facts.unit_cost import Unit
from steelyard.core.placing.analysis import Analysis
from steelyard.core.planning.option import PER_HOUR, Option
from steelyard.core.rebalancing.claims import verdicts
from steelyard.core.statistics.interval import Interval
from steelyard.core.trials.flips import flips
from steelyard.core.trials.lengths import OF_LENGTH, judged, scaled
from steelyard.core.trials.look import Look
from steelyard.core.vocabulary.reason import Reason, Refusal

_AtLengths: TypeAlias = Mapping[tuple[str, str], Sequence[ClaimAtLength]]
"""The words on claims at other lengths, by pool and claim."""


def verdicts_of(look: Look, memory: TrialMemory, live: Mapping[str, Known] | None = None) -> tuple[TrialVerdict, ...]:
    """In order of pool and claim; as remembered where the workload cannot be seen. live: of a trial of live traffic, what this shows now, by pool. A
    verdict stands then until much more of it says otherwise: it goes on, and the windows of a pool end with its replica."""
    seen = look.seen
    if isinstance(seen, Refusal):
        return memory.verdicts
    workload = seen.snapshot.workload
    measured = tuple(
        _as_measured(look, seen, option, memory.row(option.pool), (live or {}).get(option.pool))
        for option in seen.options
        if option.pool in look.trial.pools
    )
    before = () if live is None else tuple(each.verdict for each in memory.verdicts)
    found, at = _judged(workload, measured, before), _at_lengths(look, workload, memory, measured)
    told = [*_of_present(memory, measured, found, at), *_of_absent(look, memory, {o.pool for o in measured}, workload.unit)]
    return tuple(sorted(told, key=lambda each: (each.verdict.pool, each.verdict.name)))


def _judged(workload: Workload, options: tuple[Option, ...], before: tuple[ClaimVerdict, ...] = ()) -> tuple[ClaimVerdict, ...]:
    return verdicts(options, workload.model.uri, workload.rebalancing.min_good_requests, before, workload.unit)


def _at_lengths(look: Look, workload: Workload, memory: TrialMemory, measured: tuple[Option, ...]) -> _AtLengths:
    at = defaultdict[tuple[str, str], list[ClaimAtLength]](list)
    for factor in look.trial.length_factors:
        longer = tuple(_with_length(option, memory.row(option.pool), factor) for option in measured)
        for key, said in judged(factor, _judged(workload, longer)):
            at[key].append(said)
    return at


def _of_present(memory: TrialMemory, measured: Sequence[Option], found: Iterable[ClaimVerdict], at: _AtLengths) -> Iterator[TrialVerdict]:
    """The verdicts on claims of pools that exist."""
    claims = {(o.pool, claim.name): claim for o in measured for claim in o.candidate.pool.claims}
    present = tuple(o.candidate.pool for o in measured)
    for each in found:
        claim = claims[each.pool, each.name]
        lengths = tuple(at.get((each.pool, each.name), ())) if claim.metric in OF_LENGTH else ()
        yield TrialVerdict(verdict=each, flips=_flips(claim, each.pool, present, memory), lengths=lengths)


def _of_absent(look: Look, memory: TrialMemory, present: Set[str], unit: Unit) -> Iterator[TrialVerdict]:
    """Of pools that do not exist, or not any more. What was decided stays; every other claim stays open, since nobody can judge it now."""
    told = {(each.verdict.pool, each.verdict.name): each for each in memory.verdicts}
    asked = {(each.pool, each.claim.name): TrialVerdict(verdict=_open(each, unit)) for each in look.trial.claims}
    for key in told.keys() | asked.keys():
        if key[0] not in present:
            yield told[key] if key not in asked or (key in told and is_decided(told[key])) else asked[key]


def _open(asked: PoolClaim, unit: Unit) -> ClaimVerdict:
    claim = asked.claim
    return ClaimVerdict(
        pool=asked.pool,
        name=claim.name,
        verdict=VerdictWord.INCONCLUSIVE,
        n=0,
        claimed=claim.figure,
        measured=None,
        lower=None,
        upper=None,
        message=f"pool {asked.pool} does not exist",
        relative_to=claim.relative_to,
        reason=Reason.NOT_COMPARABLE.value,
        unit=claim.counted(unit),
    )


def is_decided(verdict: TrialVerdict) -> bool:
    """Whether it says that the claim is true, or that it is not."""
    return verdict.verdict.verdict is not VerdictWord.INCONCLUSIVE


def _as_measured(look: Look, seen: Analysis, option: Option, row: TrialRow | None, live: Known | None) -> Option:
    """The pool as if nothing but the trial had ever measured it, at the price by which the trial counts. live: by live traffic, now."""
    asked = [each.claim for each in look.trial.claims if each.pool == option.pool]
    pool = option.candidate.pool
    claims = tuple(asked) if look.trial.claims else pool.claims
    candidate = replace(option.candidate, pool=replace(pool, claims=claims, selected=True))
    if row is None or row.capacity is None:
        return replace(option, candidate=candidate, known=None, capacity=None, saturation=None)
    known = Known(
        pool=row.pool,
        revision=row.revision or "",
        capacity=row.capacity,
        saturation=row.saturation,
        energy=row.energy,
        percentile=row.percentile,
        probed=row.ended or look.now,
    )
    if look.trial.live:
        known = replace(live or known, capacity=row.capacity, saturation=row.saturation, probed=None)
    return replace(
        option,
        candidate=candidate,
        known=known,
        capacity=row.capacity,
        saturation=row.saturation,
        listed=row.each,
        tokens=seen.counting.now,
        worth=1.0,
        old=False,
    )


def _with_length(option: Option, row: TrialRow | None, factor: float) -> Option:
    """The pool as it was measured with all lengths times the factor."""
    found = next((each for each in row.lengths if each.factor == factor), None) if row is not None else None
    if found is None or found.capacity is None or option.known is None:
        return replace(option, known=None, capacity=None, saturation=None)
    known = replace(option.known, capacity=found.capacity, saturation=found.saturation, energy=None, percentile=None)
    return replace(option, known=known, capacity=found.capacity, saturation=found.saturation, tokens=scaled(option.tokens, factor))


def _flips(claim: Claim, pool: str, present: Sequence[Pool], memory: TrialMemory) -> str:
    other = meant(claim.relative_to, present, pool) if claim.relative_to is not None else None
    return flips(claim, memory.row(pool), memory.row(other) if other is not None else None, memory.load)


def unit_cost_of(row: TrialRow) -> Interval | None:
    """Money per 1,000 good requests where the objective is just kept; None where price or capacity is not known."""
    return cost_of(row.each, row.capacity)


def cost_of(price: float | None, capacity: Capacity | None) -> Interval | None:
    """The same of a replica at that price an hour, with that capacity."""
    if price is None or capacity is None or capacity.rate.lower <= 0:
        return None
    rate = capacity.rate
    return Interval(*(price / (PER_HOUR * each) for each in (rate.point, rate.upper, rate.lower)))
