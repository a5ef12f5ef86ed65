"""Half-blind or falling apart: everything voluntary waits, and a while longer."""

from __future__ import annotations

from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.rebalancing.storm import CALM
from steelyard.core.vocabulary.reason import Reason, Refusal


def storm_breaker(proposal: Proposal) -> Refusal | None:
    """Over 20 % of the target's pool or 45 % of all nodes unready, now or less than ten minutes ago."""
    storm, pool = proposal.storm, proposal.target_pool
    if storm.rages is not None:
        return Refusal(Reason.STORM_BREAKER, f"pool {pool}: {storm.rages}: wait for them or remove them")
    if storm.last is None:
        return None
    if storm.last.ended is None:
        return Refusal(
            Reason.STORM_BREAKER,
            f"pool {pool}: too many nodes were unready until just now; they have to be well for {CALM.seconds // 60} minutes",
        )
    until = storm.last.ended + CALM
    if proposal.now >= until:
        return None
    return Refusal(
        Reason.STORM_BREAKER,
        f"pool {pool}: too many nodes were unready until {storm.last.ended:%H:%M:%S} UTC; moves begin again at {until:%H:%M:%S}",
        until,
    )
