"""One move, then rest."""

from __future__ import annotations

from datetime import timedelta

from steelyard.core.memory import Outcome
from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.rebalancing.reason import Reason, Refusal


def cooling_down(proposal: Proposal) -> Refusal | None:
    """rebalancing.cooldownSeconds since the last move ended."""
    if not proposal.history:
        return None
    last = max(m.time for m in proposal.history)
    until = last + timedelta(seconds=proposal.policy.cooldown_seconds)
    if proposal.now >= until:
        return None
    return Refusal(
        Reason.COOLING_DOWN,
        f"the last move ended at {last:%H:%M:%S} UTC; the next may begin at {until:%H:%M:%S} (spec.rebalancing.cooldownSeconds)",
        until,
    )


def cyclic(proposal: Proposal) -> Refusal | None:
    """No A-B-A within the cool-down, counted from the move that left A."""
    window = timedelta(seconds=proposal.policy.cooldown_seconds)
    for move in proposal.history:
        if move.outcome is Outcome.MOVED and move.source_pool == proposal.target_pool and proposal.now < move.time + window:
            return Refusal(Reason.CYCLIC, f"pool {proposal.target_pool} was left at {move.time:%H:%M:%S} UTC", move.time + window)
    return None
