"""While too many nodes are unready, and for a while after it, everything voluntary waits."""

from __future__ import annotations

from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.rebalancing.unready import CALM
from steelyard.core.vocabulary.reason import Reason, Refusal


def too_many_unready_nodes(proposal: Proposal) -> Refusal | None:
    """Over 20 % of the target's pool or 45 % of all nodes unready, now or less than ten minutes ago."""
    nodes, pool = proposal.unready_nodes, proposal.target_pool
    if nodes.excess is not None:
        return Refusal(Reason.TOO_MANY_UNREADY_NODES, f"pool {pool}: {nodes.excess}: wait for them or remove them")
    if nodes.last is None:
        return None
    if nodes.last.ended is None:
        return Refusal(
            Reason.TOO_MANY_UNREADY_NODES,
            f"pool {pool}: too many nodes were unready until just now; they have to be well for {CALM.seconds // 60} minutes",
        )
    until = nodes.last.ended + CALM
    if proposal.now >= until:
        return None
    return Refusal(
        Reason.TOO_MANY_UNREADY_NODES,
        f"pool {pool}: too many nodes were unready until {nodes.last.ended:%H:%M:%S} UTC; moves begin again at {until:%H:%M:%S}",
        until,
    )
