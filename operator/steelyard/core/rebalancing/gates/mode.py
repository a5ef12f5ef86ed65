"""How far the user lets rebalancing go. Asked late, so that advice is what the other gates let pass."""

from __future__ import annotations

from steelyard.core.facts.snapshot import Mode
from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.vocabulary.reason import Reason, Refusal


def mode_observes(proposal: Proposal) -> Refusal | None:
    """Only Auto moves."""
    if proposal.policy.mode is Mode.AUTO:
        return None
    if proposal.asked_by is not None and not proposal.existing:
        return Refusal(
            Reason.MODE_OBSERVES,
            f"requests come to pool {proposal.target_pool} by a move, and the workload's spec.rebalancing.mode is {proposal.policy.mode.value}: "
            "set it to Auto, or make a trial with spec.load.mode: Synthetic, which needs no move",
        )
    would = f"would move to pool {proposal.target_pool}; " if proposal.target_pool and proposal.policy.mode is Mode.RECOMMEND else ""
    if proposal.existing:
        return Refusal(Reason.MODE_OBSERVES, f"{would}{proposal.existing} is its owner's: Steelyard measures it and changes nothing of it")
    return Refusal(
        Reason.MODE_OBSERVES, f"{would}spec.rebalancing.mode is {proposal.policy.mode.value}: set it to Auto to let Steelyard act"
    )
