"""Never fight over a field."""

from __future__ import annotations

from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.vocabulary.reason import Reason, Refusal


def replicas_owned_elsewhere(proposal: Proposal) -> Refusal | None:
    """Whoever else writes the replicas decides them, and is told where they would cost less."""
    if proposal.replicas_owner is None:
        return None
    would = f"would move to pool {proposal.target_pool}; " if proposal.target_pool else ""
    return Refusal(
        Reason.REPLICAS_OWNED_ELSEWHERE,
        f"{would}{proposal.replicas_owner} writes the replicas of pool {proposal.source_pool}: remove that autoscaler or set spec.scaling.owner to External",
    )
