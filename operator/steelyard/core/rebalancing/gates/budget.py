"""Moves at once, replicas at once, and money for explorations."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from steelyard.core.facts.memory import HISTORY, MoveKind, PastMove
from steelyard.core.facts.snapshot import Rebalancing
from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.statistics.interval import Interval
from steelyard.core.vocabulary.reason import Reason, Refusal

DAY = timedelta(days=1)
OF_A_DAY = 0.1
"""Part of what a workload costs in a day that explorations may cost where nothing is said."""


def budget_exhausted(proposal: Proposal) -> Refusal | None:
    """Invariant I3 for the fleet, for a namespace and for a pool; spec.scaling.maxReplicas, surge included; and the budget of explorations."""
    # A rescue runs one more than is allowed, as a new revision does: at its limit the workload could leave no pool otherwise.
    if proposal.kind is not MoveKind.RESCUE and proposal.replicas + proposal.source_extra + 1 > proposal.replicas_allowed:
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
    # To serve comes before to save: what other moves of the namespace have taken of its part keeps no rescue waiting.
    if proposal.kind is not MoveKind.RESCUE and proposal.moves_in_namespace >= proposal.moves_at_once_in_namespace:
        return Refusal(
            Reason.BUDGET_EXHAUSTED,
            f"{proposal.moves_in_namespace} move(s) of other workloads of this namespace are under way, and {proposal.moves_at_once_in_namespace} may "
            f"be at once: its part, by its workloads, of {proposal.moves_at_once} in the installation (config.movesAtOnce)",
        )
    for pool, moves, allowed in proposal.pool_moves:
        if moves >= allowed:
            return Refusal(
                Reason.BUDGET_EXHAUSTED,
                f"{moves} move(s) of other workloads go to or from pool {pool}, {allowed} may at once (config.movesAtOncePerPool)",
            )
    return trial_too_expensive(proposal)


def trial_too_expensive(proposal: Proposal) -> Refusal | None:
    """What the explorations of the last day cost, and what this one may; None for any other move, and for one that a person pays for."""
    if proposal.kind is not MoveKind.EXPLORATION or proposal.asked_by is not None:
        return None
    budget, cost = _budget(proposal.policy, proposal.source_cost), proposal.move_cost
    if cost is None:
        return Refusal(
            Reason.BUDGET_EXHAUSTED,
            f"what an exploration of pool {proposal.target_pool} may cost is not known: set the prices of the pool's shapes",
        )
    forgotten = _may_be_forgotten(proposal.history, proposal.now)
    if forgotten is not None:
        return Refusal(
            Reason.BUDGET_EXHAUSTED,
            f"the last {HISTORY} moves ended within 24 hours, and no more are remembered: what explorations before them cost today is not known; "
            f"asked again from {forgotten:%Y-%m-%d %H:%M} UTC on",
            forgotten,
        )
    trials = _of_a_day(proposal.history, proposal.now)
    spent = _spent(trials, budget)
    if sum(spent) + cost <= budget:
        return None
    counted = f"; counted are {', '.join(map(_counted, trials))}" if trials else ""
    return Refusal(
        Reason.BUDGET_EXHAUSTED,
        f"an exploration of pool {proposal.target_pool} may cost up to {cost:.4g} until its deadline, those of the last 24 hours cost {sum(spent):.4g}, "
        f"{_whose(proposal)} {budget:.4g} a day: raise it, or shorten exploration.deadlineSeconds{counted}",
        next((m.time + DAY for freed, m in enumerate(trials, 1) if sum(spent[freed:]) + cost <= budget), None),
    )


def spent_on_trials(policy: Rebalancing, history: Iterable[PastMove], cost: Interval | None, now: datetime) -> tuple[float, float]:
    """(budget, spent): money for the explorations of a day, and what those of the last 24 hours count. cost: of the workload, an hour."""
    budget = _budget(policy, cost)
    return budget, sum(_spent(_of_a_day(history, now), budget))


def asks_too_much(proposal: Proposal) -> Refusal | None:
    """spec.budget and spec.deadlineSeconds of the AcceleratorTrial that asks for it."""
    return proposal.unpaid


def left_for_trials(policy: Rebalancing, history: Iterable[PastMove], cost: Interval | None, now: datetime) -> float:
    """Money that another exploration may cost today. cost: of the workload, an hour."""
    budget, spent = spent_on_trials(policy, history, cost, now)
    return budget - spent


def _budget(policy: Rebalancing, cost: Interval | None) -> float:
    """Money for explorations within a day."""
    if policy.exploration_budget is not None:
        return policy.exploration_budget
    return OF_A_DAY * 24 * cost.point if cost is not None else 0.0


def _of_a_day(history: Iterable[PastMove], now: datetime) -> list[PastMove]:
    trials = (m for m in history if m.kind is MoveKind.EXPLORATION and now < m.time + DAY)
    return sorted(trials, key=lambda m: (m.time, m.target_pool))


def _may_be_forgotten(history: Iterable[PastMove], now: datetime) -> datetime | None:
    """Until when explorations of the last day may be forgotten; None where all of them are known."""
    ended = sorted(m.time for m in history)
    until = ended[-HISTORY] + DAY if len(ended) >= HISTORY else now
    return until if now < until else None


def _spent(trials: Iterable[PastMove], budget: float) -> list[float]:
    """The budget bounds what was reserved for an exploration, so an exploration of unknown cost counts as all of it."""
    return [budget if m.cost is None else m.cost for m in trials]


def _whose(proposal: Proposal) -> str:
    given = proposal.policy.exploration_budget is not None
    return (
        "spec.rebalancing.exploration.budget is"
        if given
        else "spec.rebalancing.exploration.budget is left out, so it is a tenth of the workload's cost,"
    )


def _counted(trial: PastMove) -> str:
    """What an exploration counts as, and until when."""
    cost = "the whole budget, as its cost is not known" if trial.cost is None else f"{trial.cost:.4g}"
    until = (trial.time + DAY).isoformat(" ", "minutes")[: len("2026-01-05 12:00")]
    return f"the exploration of pool {trial.target_pool} until {until} UTC ({cost})"
