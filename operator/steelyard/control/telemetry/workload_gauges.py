"""Gauges of one workload that its decision tells: the move under way, the verdicts on claims, what may be missed, the money for trials."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from steelyard.control.telemetry.metrics import Sample
from steelyard.core.facts.memory import ClaimVerdict
from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.placing.decision import Decision
from steelyard.core.rebalancing.gates.budget import spent_on_trials


def workload_gauges(snapshot: Snapshot, decision: Decision, now: datetime, currency: str) -> Iterator[Sample]:
    """Nothing is told that is not known."""
    key = snapshot.workload.key
    where = (key.namespace, key.name)
    yield Sample("steelyard_objective_allowed_ratio", where, snapshot.workload.allowed)
    if (move := decision.memory.move) is not None:
        yield Sample("steelyard_move_under_way", (*where, move.source.pool, move.target.pool, move.kind.value, move.step.value), 1.0)
    for claim in decision.memory.claims:
        yield from _judged(where, claim)
    yield from _trials(where, snapshot, decision, now, f"steelyard_trial_money_{currency}")


def _judged(where: tuple[str, str], claim: ClaimVerdict) -> Iterator[Sample]:
    labels = (*where, claim.pool, claim.name)
    yield Sample("steelyard_claim_verdict", (*labels, claim.verdict.value), 1.0)
    for which, value in (("claimed", claim.claimed), ("measured", claim.measured), ("lower", claim.lower), ("upper", claim.upper)):
        if value is not None:
            yield Sample("steelyard_claim_figure", (*labels, which), value)


def _trials(where: tuple[str, str], snapshot: Snapshot, decision: Decision, now: datetime, name: str) -> Iterator[Sample]:
    policy, memory = snapshot.workload.rebalancing, decision.memory
    carries = {place.pool for place in memory.allocation}
    cost = next((option.cost for option in decision.options if option.pool in carries and option.cost is not None), None)
    # Of a mix the workload's cost is that of all its pools: the budget is told where it was given.
    if policy.exploration_budget is not None or (cost is not None and len(carries) == 1):
        budget, spent = spent_on_trials(policy, memory.own_history, cost, now)
        yield Sample(name, (*where, "budget"), budget)
        yield Sample(name, (*where, "spent"), spent)
    # A trial that a person asked for has a budget of its own.
    if memory.move is not None and memory.move.reserved is not None and memory.move.trial is None:
        yield Sample(name, (*where, "reserved"), memory.move.reserved)
