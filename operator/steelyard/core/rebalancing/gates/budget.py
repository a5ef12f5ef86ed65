"""Moves at once, replicas at once, and money for trials."""

from __future__ import annotations

from datetime import timedelta

from steelyard.core.memory import MoveKind
from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.rebalancing.reason import Reason, Refusal

DAY = timedelta(days=1)


def budget_exhausted(proposal: Proposal) -> Refusal | None:
    """Invariant I3 for the fleet and for a pool; spec.scaling.maxReplicas, surge included; rebalancing.exploration.budget for a trial."""
    if proposal.replicas + proposal.source_extra + 1 > proposal.replicas_allowed:
        return Refusal(
            Reason.NO_ROOM if proposal.source_extra else Reason.LIMIT_REACHED,
            f"a move to pool {proposal.target_pool} runs {proposal.source_extra + 1} replica(s) more than the {proposal.replicas} there are and "
            f"spec.scaling.maxReplicas is {proposal.replicas_allowed}: raise it",
        )
    if proposal.moves_elsewhere >= proposal.moves_at_once:
        return Refusal(
            Reason.BUDGET_EXHAUSTED,
            f"{proposal.moves_elsewhere} move(s) of other workloads are under way, {proposal.moves_at_once} may be at once (config.movesAtOnce)",
        )
    for pool, moves, allowed in proposal.pool_moves:
        if moves >= allowed:
            return Refusal(
                Reason.BUDGET_EXHAUSTED,
                f"{moves} move(s) of other workloads go to or from pool {pool}, {allowed} may at once (config.movesAtOncePerPool)",
            )
    return _trial_too_dear(proposal) if proposal.kind is MoveKind.EXPLORATION else None


def _trial_too_dear(proposal: Proposal) -> Refusal | None:
    """What the trials of the last day cost, and what this one may cost."""
    trials = [m for m in proposal.history if m.kind is MoveKind.EXPLORATION and proposal.now < m.time + DAY]
    costs = [m.cost for m in trials if m.cost is not None]
    again = min(m.time for m in trials) + DAY if trials else None
    if proposal.move_cost is None or len(costs) < len(trials):
        return Refusal(Reason.BUDGET_EXHAUSTED, "what a trial costs, or what the last ones did, is not known: set the pool's prices", again)
    budget, spent = proposal.policy.exploration_budget, sum(costs)
    if spent + proposal.move_cost <= budget:
        return None
    return Refusal(
        Reason.BUDGET_EXHAUSTED,
        f"trials cost {spent:.4g} in the last 24 hours, this one may cost up to {proposal.move_cost:.4g} until its deadline, and "
        f"spec.rebalancing.exploration.budget is {budget:g} a day: raise it or shorten the deadline",
        again,
    )
