"""What one workload asks of the fleet's plan: its own problem, and what it takes of what is shared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.planning.problem import Problem
from steelyard.core.planning.wish import Wish


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """One workload's problem, the nodes that a replica takes on each pool, and the replicas there now. short: whether it lacks what no pool has
    room for now. wishes: the moves that it would begin."""

    key: WorkloadKey
    problem: Problem
    per_replica: Mapping[str, float]
    running: Mapping[str, int]
    priority: int = 0
    short: bool = False
    wishes: tuple[Wish, ...] = ()


def asked_again(now: Demand | None, before: Demand | None) -> Demand | None:
    """What a workload asks for: what it does now, else what it did. It goes on holding its nodes; what it would begin then is not known."""
    return now or (before and replace(before, wishes=()))
