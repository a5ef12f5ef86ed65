"""A pool that does not hold both workloads: who comes first, and what the other is told."""

from __future__ import annotations

from typing import Any

from property.simulate.strategies import scenario, workload
from steelyard.core.vocabulary.condition import ConditionType
from steelyard.core.vocabulary.reason import Reason
from steelyard.simulate.drive import Decided, steps
from steelyard.simulate.world import World

WHOLE = {"cpu": 4, "memoryGiB": 16, "replica": {"cpu": 4, "memoryGiB": 16}}
POOL: dict[str, Any] = {"name": "only", **WHOLE, "nodes": 4, "pricePerHour": 1.0, "pullSeconds": 0}
LATE = {"kind": "Load", "at": "0m", "for": "30m", "times": 0.05, "workload": "late"}
"""By then the other one holds the pool."""


def played(priority: int, **pool: Any) -> tuple[World, list[Decided]]:
    """Two hours. priority: of the workload that comes late."""
    truth = {"only": {"serviceMilliseconds": 100, "startSeconds": 20}}
    loaded = scenario(
        days=2 / 24,
        events=[LATE],
        pools=[{**POOL, **pool}],
        workloads=[
            workload("early", 16.0, truth),
            workload("late", 12.0, truth, scaling={"maxReplicas": 8, "priority": priority}),
        ],
    )
    world = World(loaded.scenario, loaded.traces)
    return world, [decided for some in steps(world) for decided in some]


def counts(world: World) -> dict[str, int]:
    return {name: sum(world.cluster.placement(name, key).desired for key in world.cluster.of(name)) for name in world.tenants}


def test_a_workload_of_a_higher_priority_gets_the_nodes_and_the_other_is_told() -> None:
    world, decided = played(priority=100)
    assert counts(world)["late"] >= 2
    assert sum(counts(world).values()) == 4, "what is left serves the other"
    told = [d.decision for d in decided if d.workload == "early" and d.decision.reason is Reason.GOES_WITHOUT]
    assert "spec.scaling.priority" in told[-1].message
    assert {c.reason for c in told[-1].conditions if c.type is ConditionType.HELD and c.status} == {Reason.GOES_WITHOUT}


def test_of_equal_priority_who_runs_keeps_what_runs() -> None:
    world, _ = played(priority=0)
    assert counts(world) == {"early": 3, "late": 1}


def test_nothing_is_given_back_while_nobody_lacks_it() -> None:
    world, decided = played(priority=100, nodes=8)
    assert counts(world)["early"] >= 3
    assert not [d for d in decided if d.decision.reason is Reason.GOES_WITHOUT]
