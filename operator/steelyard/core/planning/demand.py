"""What one workload asks of the fleet's plan: its own problem, and what it takes of what is shared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.planning.problem import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """One workload's problem, the nodes that a replica takes on each pool, the replicas there now, and whose money it is."""

    key: WorkloadKey
    problem: Problem
    per_replica: Mapping[str, float]
    running: Mapping[str, int]
    priority: int = 0
