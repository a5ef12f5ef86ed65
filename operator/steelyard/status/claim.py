"""A verdict on a claim, as a status has it: written, and read back without loss."""

from __future__ import annotations

from steelyard.core.facts.memory import ClaimPrices, ClaimVerdict, VerdictWord
from steelyard.core.facts.unit_cost import Unit
from steelyard.status.raw import Raw
from steelyard.status.read.claim import Verdict
from steelyard.status.scalar import count, decimals
from steelyard.status.value import real, word


def counted(unit: Unit) -> Raw:
    """What figures count, said where it is not the usual."""
    return {} if unit is Unit.GOOD_REQUESTS else {"unit": unit.value}


def written_claim(verdict: ClaimVerdict) -> Raw:
    """As an entry of `claims`."""
    out: Raw = {
        "pool": verdict.pool,
        "name": verdict.name,
        "verdict": verdict.verdict.value,
        "n": count(verdict.n),
        **counted(verdict.unit),
    }
    if verdict.relative_to is not None:
        out["relativeTo"] = verdict.relative_to
    out |= decimals(
        claimed=verdict.claimed,
        measured=verdict.measured,
        lower=verdict.lower,
        upper=verdict.upper,
        price=verdict.first_prices.own,
        relativePrice=verdict.first_prices.other,
    )
    return out | {"reason": verdict.reason, "message": verdict.message[:512]}


def remembered_claim(told: Verdict) -> ClaimVerdict | None:
    """Of an entry that was read; None where it lacks what makes it one."""
    verdict = word(VerdictWord, told.verdict)
    if verdict is None or not told.pool or not told.name or told.claimed is None:
        return None
    return ClaimVerdict(
        pool=told.pool,
        name=told.name,
        verdict=verdict,
        n=told.n or 0,
        claimed=float(told.claimed),
        measured=real(told.measured),
        lower=real(told.lower),
        upper=real(told.upper),
        message=told.message or "",
        relative_to=told.relative_to,
        reason=told.reason or "",
        first_prices=ClaimPrices(real(told.price), real(told.relative_price)),
        unit=word(Unit, told.unit) or Unit.GOOD_REQUESTS,
    )
