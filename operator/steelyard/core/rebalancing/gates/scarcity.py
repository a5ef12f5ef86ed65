"""What is short goes to those who save most with it."""

from __future__ import annotations

from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.vocabulary.reason import Reason, Refusal


def pool_scarce(proposal: Proposal) -> Refusal | None:
    """A pool that is short of nodes, and what the fleet's plan has there for this workload: nothing, or less than what the move takes.

    In between the saving has to be more than the nodes beyond are worth to others. At the price of what is short the last workload that
    gets any neither wins nor loses, so the price alone cannot tell it from the first that gets none. Without a plan nothing is refused.
    """
    if proposal.room < 1:
        return Refusal(
            Reason.POOL_SCARCE,
            f"pool {proposal.target_pool} is short of nodes: other workloads hold all that there may be (spec.capacity.maxNodes)",
        )
    worth = proposal.nodes_beyond * proposal.node_worth
    if not worth > 0 or proposal.saving is None:
        return None
    left_out = proposal.planned == 0
    if not left_out and proposal.saving.point > worth:
        return None
    return Refusal(
        Reason.POOL_SCARCE,
        f"pool {proposal.target_pool} is short of nodes, and the fleet's plan has {proposal.planned or 0} replica(s) there for this workload: "
        f"one node more is worth {proposal.node_worth:.3g} an hour (spec.capacity.maxNodes)",
    )
