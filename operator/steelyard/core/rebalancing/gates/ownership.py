"""Never fight over a field."""

from __future__ import annotations

from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.vocabulary.reason import Reason, Refusal

ASKED_FOR = "whoever spec.scaling.owner: External stands for"
"""Who writes the replicas of a workload that is sized elsewhere."""


def replicas_owned_elsewhere(proposal: Proposal) -> Refusal | None:
    """Whoever else writes the replicas decides them, and is told where they would cost less."""
    if proposal.replicas_owner is None:
        return None
    would = f"would move to pool {proposal.target_pool}; " if proposal.target_pool else ""
    todo = (
        "scale its ScaleTarget there up, and then this one down"
        if proposal.replicas_owner == ASKED_FOR
        else "delete it, or set spec.scaling.owner to External"
    )
    return Refusal(
        Reason.REPLICAS_OWNED_ELSEWHERE, f"{would}{proposal.replicas_owner} writes the replicas of pool {proposal.source_pool}: {todo}"
    )
