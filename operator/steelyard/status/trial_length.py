"""What a trial found at other lengths, of a pool and of a claim: written, and read back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from steelyard.core.facts.capacity import Capacity, Saturation
from steelyard.core.facts.memory import VerdictWord
from steelyard.core.facts.trial import AtLength, ClaimAtLength, TrialRow
from steelyard.core.statistics.interval import Interval
from steelyard.core.trials.verdicts import cost_of
from steelyard.status.raw import Raw
from steelyard.status.read.claim import ClaimAtLength as ToldClaim
from steelyard.status.read.field import text
from steelyard.status.read.placement import Saturation as ToldSaturation
from steelyard.status.read.trial import TrialLength
from steelyard.status.scalar import MESSAGE, count, decimal, decimals
from steelyard.status.trial_pool import remembered_capacity
from steelyard.status.value import interval, real, word


def written_capacity(capacity: Capacity | None, saturation: Saturation | None) -> Raw:
    """What a replica carries, and completes at most, as far as it is known."""
    out: Raw = {}
    if capacity is not None:
        rate = capacity.rate
        out |= decimals(capacityPerReplica=rate.point, capacityLower=rate.lower, capacityUpper=rate.upper)
        out |= {"capacityBasis": capacity.basis.value, "capacityRequests": count(capacity.n)}
    if saturation is not None:
        full = saturation.rate
        out["saturation"] = {**decimals(perReplica=full.point, lower=full.lower, upper=full.upper), "requests": count(saturation.n)}
    return out


def remembered_saturation(told: ToldSaturation | None) -> Saturation | None:
    """None where one of its figures is not told."""
    filled = interval(told.per_replica, told.lower, told.upper) if told is not None else None
    return None if filled is None or told is None else Saturation(filled, told.n or 0)


def written_lengths(row: TrialRow, costs: Callable[[Capacity, Interval, float], Raw], before: Sequence[Raw]) -> list[Raw]:
    """One a factor. costs: the unit cost of a capacity, with what tokens cost at a factor where that is known; before: as they stood."""
    stood = {(text(raw, "factor"), text(raw, "capacityPerReplica")): raw.get("unitCost") for raw in before}
    found = []
    for each in row.lengths:
        out: Raw = {"factor": decimal(each.factor), **written_capacity(each.capacity, each.saturation)}
        if each.message:
            out["message"] = each.message[:MESSAGE]
        if each.capacity is not None and (cost := cost_of(row.each, each.capacity)) is not None:
            # What tokens cost is known by steady loads, which are not read back: what was told once stays.
            kept = stood.get((out["factor"], out.get("capacityPerReplica"))) if not row.steady else None
            out["unitCost"] = kept or costs(each.capacity, cost, each.factor)
        found.append(out)
    return found


def remembered_length(told: TrialLength) -> AtLength | None:
    """None where no factor is told."""
    factor = real(told.factor)
    if factor is None:
        return None
    return AtLength(
        factor=factor, capacity=remembered_capacity(told), saturation=remembered_saturation(told.saturation), message=told.message or ""
    )


def written_claim_lengths(found: Sequence[ClaimAtLength]) -> list[Raw]:
    """One a factor."""
    return [
        {
            "factor": decimal(each.factor),
            "verdict": each.verdict.value,
            "n": count(each.n),
            **decimals(measured=each.measured, lower=each.lower, upper=each.upper),
        }
        for each in found
    ]


def remembered_claim_length(told: ToldClaim) -> ClaimAtLength | None:
    """None where factor or verdict is not told."""
    factor, verdict = real(told.factor), word(VerdictWord, told.verdict)
    if factor is None or verdict is None:
        return None
    return ClaimAtLength(
        factor=factor, verdict=verdict, n=told.n or 0, measured=real(told.measured), lower=real(told.lower), upper=real(told.upper)
    )
