"""Prices that the decision rests on."""

from __future__ import annotations

from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.vocabulary.reading import Fresh, Stale, Unknown
from steelyard.core.vocabulary.reason import Reason, Refusal


def price_suspect(proposal: Proposal) -> Refusal | None:
    """Every price must be known and fresh; an unset price is a visible state, never a default number."""
    for pool, reading in proposal.prices:
        match reading:
            case Fresh(price, _):
                if not price.per_hour > 0:
                    return Refusal(
                        Reason.PRICE_SUSPECT,
                        f"pool {pool}: a price of {price.per_hour:g} per hour is not plausible: correct spec.shapes[].pricePerHour",
                    )
            case Stale(_, _, why) | Unknown(why):
                return Refusal(Reason.PRICE_SUSPECT, f"pool {pool}: {why}")
    return None
