"""Never fight over a field."""

from __future__ import annotations

from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.vocabulary.reason import Reason, Refusal


def replicas_owned_elsewhere(proposal: Proposal) -> Refusal | None:
    """Whoever else writes the replicas decides them."""
    if proposal.replicas_owner is None:
        return None
    return Refusal(
        Reason.REPLICAS_OWNED_ELSEWHERE,
        f"{proposal.replicas_owner} writes the replicas of pool {proposal.home_pool}: remove that autoscaler or set spec.scaling.owner to External",
    )
