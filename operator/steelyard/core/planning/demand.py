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
    room for now. wishes: the moves that it would begin; None where it was not asked, since its replicas follow the load."""

    key: WorkloadKey
    problem: Problem
    per_replica: Mapping[str, float]
    running: Mapping[str, int]
    priority: int = 0
    short: bool = False
    wishes: tuple[Wish, ...] | None = ()


def asked_again(now: Demand | None, before: Demand | None) -> Demand | None:
    """What a workload asks for: what it does now, else what it did, since it goes on holding its nodes. What it would begin it would still begin
    where it was not asked for a moment."""
    if now is None:
        return before and replace(before, wishes=())
    return replace(now, wishes=(before.wishes or ()) if before else ()) if now.wishes is None else now
