"""What is short goes to those who save most with it."""

from __future__ import annotations

from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.vocabulary.reason import Reason, Refusal


def pool_full(proposal: Proposal) -> Refusal | None:
    """Other workloads hold so many of the nodes that there may be, that what is to be added does not fit."""
    if proposal.room >= proposal.added:
        return None
    left = (
        f"leave room for {proposal.room} replica(s) more, and {proposal.added} are needed"
        if proposal.room > 0
        else "hold all that there may be"
    )
    return Refusal(Reason.POOL_SCARCE, f"pool {proposal.target_pool} is short of nodes: other workloads {left} (spec.capacity.maxNodes)")


def pool_scarce(proposal: Proposal) -> Refusal | None:
    """A pool that is short of nodes, and the fleet's plan has none there for this workload. What nodes beyond the plan are worth to others is in
    the saving; but at that price the last workload that gets any neither wins nor loses, and only the plan tells it from the first that gets none.
    """
    if proposal.planned != 0 or not proposal.node_worth > 0:
        return None
    return Refusal(
        Reason.POOL_SCARCE,
        f"pool {proposal.target_pool} is short of nodes, and the fleet's plan has no replica there for this workload: "
        f"one node more is worth {proposal.node_worth:.3g} an hour (spec.capacity.maxNodes)",
    )
