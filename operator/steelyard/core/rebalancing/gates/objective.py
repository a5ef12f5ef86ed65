"""Quality first, money later."""

from __future__ import annotations

from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.statistics.sequential import Result
from steelyard.core.vocabulary.reason import Reason, Refusal


def infeasible_target(proposal: Proposal) -> Refusal | None:
    """There must be somewhere to go that can carry the load."""
    if proposal.no_target is not None:
        return proposal.no_target
    if proposal.target_pool is not None and proposal.target_revision is not None:
        return None
    return Refusal(Reason.INFEASIBLE_TARGET, "no other pool can carry the load within the limits")


def slo_at_risk(proposal: Proposal) -> Refusal | None:
    """While the promise is broken, capacity comes before cost."""
    test = proposal.promise
    if test.result is not Result.FAIL:
        return None
    return Refusal(
        Reason.SLO_AT_RISK, f"{test.bad} of {test.n} requests missed the objective, {test.p0:.2%} may: more replicas come before any move"
    )
