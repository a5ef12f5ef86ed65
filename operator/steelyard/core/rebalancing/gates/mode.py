"""How far the user lets rebalancing go. Asked late, so that advice is what the other gates let pass."""

from __future__ import annotations

from steelyard.core.facts.snapshot import Mode
from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.vocabulary.reason import Reason, Refusal


def mode_observes(proposal: Proposal) -> Refusal | None:
    """Only Auto moves."""
    if proposal.policy.mode is Mode.AUTO:
        return None
    would = f"would move to pool {proposal.target_pool}; " if proposal.target_pool and proposal.policy.mode is Mode.RECOMMEND else ""
    if proposal.existing:
        return Refusal(Reason.MODE_OBSERVES, f"{would}{proposal.existing} is its owner's: Steelyard measures it and changes nothing of it")
    return Refusal(
        Reason.MODE_OBSERVES, f"{would}spec.rebalancing.mode is {proposal.policy.mode.value}: set it to Auto to let Steelyard act"
    )
