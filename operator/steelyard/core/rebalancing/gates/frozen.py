"""A person said stop."""

from __future__ import annotations

from steelyard.core.facts.snapshot import Rebalancing
from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.vocabulary.reason import Reason, Refusal


def stopped(policy: Rebalancing, *, frozen: bool) -> Refusal | None:
    """Paused by the workload's owner, or frozen by the installation's."""
    if policy.paused:
        return Refusal(Reason.FROZEN, "spec.rebalancing.paused is true: set it to false to allow moves")
    if frozen:
        return Refusal(Reason.FROZEN, "the installation is frozen: set config.frozen to false in the chart's values to allow moves")
    return None


def frozen(proposal: Proposal) -> Refusal | None:
    """Refuse while the workload is paused or the installation frozen."""
    return stopped(proposal.policy, frozen=proposal.frozen)
