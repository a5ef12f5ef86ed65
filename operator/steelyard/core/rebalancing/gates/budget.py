"""Moves at once, replicas at once, and money for trials."""

from __future__ import annotations

from steelyard.core.memory import MoveKind
from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.rebalancing.reason import Reason, Refusal


def budget_exhausted(proposal: Proposal) -> Refusal | None:
    """Invariant I3 for the fleet; spec.scaling.maxReplicas, surge included; rebalancing.exploration.budget for a trial."""
    if proposal.replicas + 1 > proposal.replicas_allowed:
        return Refusal(
            Reason.LIMIT_REACHED,
            f"a move runs one replica more than the {proposal.replicas} there are and spec.scaling.maxReplicas is "
            f"{proposal.replicas_allowed}: raise it",
        )
    if proposal.moves_elsewhere >= proposal.moves_at_once:
        return Refusal(
            Reason.BUDGET_EXHAUSTED,
            f"{proposal.moves_elsewhere} move(s) of other workloads are under way, {proposal.moves_at_once} may be at once (config.movesAtOnce)",
        )
    if proposal.kind is MoveKind.EXPLORATION and proposal.move_cost is not None and proposal.move_cost > proposal.policy.exploration_budget:
        return Refusal(
            Reason.BUDGET_EXHAUSTED,
            f"a trial may cost up to {proposal.move_cost:.4g} until its deadline and spec.rebalancing.exploration.budget is {proposal.policy.exploration_budget:g}: raise it or shorten the deadline",
        )
    return None
