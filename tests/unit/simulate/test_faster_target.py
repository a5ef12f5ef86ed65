"""A target that is faster than the source may be busier for the same promise. A move to it is not kept waiting for a saving that its capacity shows."""

from __future__ import annotations

from property.simulate.strategies import scenario, workload
from steelyard.core.facts.memory import MoveKind, Outcome
from steelyard.simulate.drive import steps
from steelyard.simulate.world import World

WHOLE = {"cpu": 4, "memoryGiB": 16, "replica": {"cpu": 4, "memoryGiB": 16}, "pullSeconds": 0}


def test_a_large_replica_that_does_the_work_of_three_small_ones_is_moved_to() -> None:
    """Per second of a replica's time its requests cost 0.84 times as much, and by what both carry within the promise 0.68 times: one of 2.30 an hour
    does what three of 1.00 do, whose capacity the load is just below."""
    loaded = scenario(
        days=1 / 24,
        pools=[
            {"name": "small", **WHOLE, "nodes": 20, "pricePerHour": 1.0, "claims": [{"metric": "Throughput", "timesTruth": 1.2}]},
            {"name": "large", **WHOLE, "nodes": 1, "pricePerHour": 2.3, "claims": [{"metric": "Throughput", "timesTruth": 1.0}]},
        ],
        workloads=[
            workload(
                "work",
                4.9,
                {pool: {"serviceMilliseconds": each, "startSeconds": 20} for pool, each in (("small", 420), ("large", 153))},
                objective={"milliseconds": 3770, "percent": 99},
            )
        ],
    )
    world = World(loaded.scenario, loaded.traces)
    ended = [
        decided.decision.memory.history[-1]
        for each in steps(world)
        for decided in each
        if len(decided.decision.memory.history) > len(decided.snapshot.memory.history)
    ]
    assert [(move.target_pool, move.outcome) for move in ended if move.kind is MoveKind.REBALANCE] == [("large", Outcome.MOVED)]
