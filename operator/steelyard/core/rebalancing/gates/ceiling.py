"""What a rescue may cost."""

from __future__ import annotations

from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.vocabulary.reason import Reason, Refusal


def too_expensive(proposal: Proposal) -> Refusal | None:
    """spec.objective.maxUnitCost, where it is said. A pool that was not measured is tried: what it costs is held
    against this as soon as it is."""
    unit, most = proposal.target_unit, proposal.most_unit
    if most is None or unit is None or unit.point <= most:
        return None
    return Refusal(
        Reason.TOO_EXPENSIVE,
        f"{proposal.unit} would cost {unit.point:.3g} on pool {proposal.target_pool} and spec.objective.maxUnitCost is {most:g}: raise it to let "
        "the workload go there",
    )
