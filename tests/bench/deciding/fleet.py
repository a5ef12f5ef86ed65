"""Snapshots as an operator holds them: each workload on two of eight pools, all the windows with histograms that a reading holds, memory filled."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace

from bench.wrong.cases import Ground, scenario
from steelyard.core.decide import decide
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.facts.window import KEPT
from steelyard.core.vocabulary.reading import Fresh
from steelyard.simulate.scenario import Scenario
from steelyard.simulate.world import World

POOLS, KNOWN = 8, 4


def template() -> tuple[Snapshot, World]:
    """One workload after hours in the simulator: trials are behind it, two pools with full readings hold the load, and all gates are asked."""
    world = World(_scenario(), {})
    while not world.over:
        world.step()
        for name in world.due():
            snapshot = world.snapshot(name)
            decision = decide(snapshot, world.moment)
            full = [r for r in snapshot.traffic.values() if isinstance(r, Fresh) and len(r.value.windows) == KEPT]
            if len(full) == len(snapshot.placements) == 2 and decision.review is not None and len(snapshot.memory.known) >= KNOWN:
                return snapshot, world
            world.obey(name, decision)
    raise AssertionError("the template never came to rest on two pools: see its scenario")


def _scenario() -> Scenario:
    """Every pool holds the load, and none the peak of it."""
    grounds = {f"pool-{i}": Ground(price=1.0 - 0.05 * i, milliseconds=1000, claim=1.0) for i in range(POOLS)}
    made = scenario(1, 1.0, grounds, {"constant": 8})
    (entry,) = made.workloads
    policy = entry.rebalancing.model_copy(update={"cooldown_seconds": 1800})
    truth = {pool: one.model_copy(update={"max_replicas": 11}) for pool, one in entry.truth.items()}
    return made.model_copy(update={"workloads": (entry.model_copy(update={"rebalancing": policy, "truth": truth}),)})


def fleet(one: Snapshot, workloads: int) -> Iterator[Snapshot]:
    """So many of them. Nothing is shared but pools and settings, as in the operator."""
    frozen = pickle.dumps(one)
    for i in range(workloads):
        again: Snapshot = pickle.loads(frozen)
        workload = replace(again.workload, key=WorkloadKey("benchmark", f"work-{i:05}"), uid=f"uid-{i}")
        yield replace(again, workload=workload, pools=one.pools, settings=one.settings)
