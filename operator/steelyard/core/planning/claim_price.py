"""What a claim of cost says at today's prices.

A cost is a price over a speed. A claim of cost was made at the prices of its day, and what it says of the speed was fixed by them: when a price
changes, the cost that it claims changes with it, and the speed does not (docs/adr/0031-a-claim-keeps-the-prices-it-was-made-at.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from steelyard.core.catalogue.relative import meant
from steelyard.core.compiling.candidate import Candidate
from steelyard.core.economics.money import written
from steelyard.core.facts.claim import Claim, ClaimMetric
from steelyard.core.facts.memory import ClaimPrices, ClaimVerdict


def prices_now(claim: Claim, own: str, candidates: Mapping[str, Candidate]) -> ClaimPrices:
    """The prices that a claim of pool `own` stands on today. candidates: by name."""
    other = meant(claim.relative_to, (c.pool for c in candidates.values()), own) if claim.relative_to is not None else None
    return ClaimPrices(candidates[own].resource_price, candidates[other].resource_price if other is not None else None)


def first_prices(claim: Claim, remembered: ClaimVerdict | None, now: ClaimPrices) -> ClaimPrices:
    """The prices at which the claim was first seen. One whose figure or reference was edited is another claim, seen for the first time."""
    if remembered is None or (written(remembered.claimed), remembered.relative_to) != (written(claim.figure), claim.relative_to):
        return now
    first = remembered.first_prices
    return ClaimPrices(now.own if first.own is None else first.own, now.other if first.other is None else first.other)


def at_prices(claim: Claim, first: ClaimPrices, now: ClaimPrices) -> Claim:
    """A claim made at the prices `first`, at those of `now`."""
    if claim.metric is not ClaimMetric.UNIT_COST:
        return claim
    factor = _changed(first.own, now.own) / _changed(first.other, now.other)
    if factor == 1.0:
        return claim
    return replace(
        claim,
        ratio=None if claim.ratio is None else claim.ratio * factor,
        value=None if claim.value is None else claim.value * factor,
    )


def _changed(first: float | None, now: float | None) -> float:
    """By which factor; 1 where one of them is not known, or is 0, of which there are no multiples."""
    return now / first if first and now else 1.0
