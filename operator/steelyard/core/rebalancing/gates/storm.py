"""Half-blind or falling apart: everything voluntary waits."""

from __future__ import annotations

from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.rebalancing.reason import Reason, Refusal

POOL_PERCENT = 20
"""Karpenter's limit for node repair."""
CLUSTER_PERCENT = 45
"""Cluster Autoscaler's limit, above three nodes."""


def storm_breaker(proposal: Proposal) -> Refusal | None:
    """Over 20 % of the target's pool or 45 % of all nodes unready."""
    storm = proposal.storm
    if storm.pool_nodes and storm.pool_unready * 100 > POOL_PERCENT * storm.pool_nodes:
        return Refusal(
            Reason.STORM_BREAKER,
            f"{storm.pool_unready} of {storm.pool_nodes} nodes of pool {proposal.target_pool} are unready: wait for them or remove them",
        )
    if storm.unready > 0 and storm.nodes > 3 and storm.unready * 100 > CLUSTER_PERCENT * storm.nodes:
        return Refusal(Reason.STORM_BREAKER, f"{storm.unready} of {storm.nodes} nodes are unready: wait for them or remove them")
    return None
