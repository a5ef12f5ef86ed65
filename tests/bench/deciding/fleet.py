"""Snapshots as an operator holds them: each workload on two of eight pools, all the windows with histograms that a reading holds, memory filled."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from bench import kinds
from bench.kinds import Kind
from bench.wrong.cases import Ground, scenario
from steelyard.core.decide import decide
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.snapshot import Snapshot, Traffic
from steelyard.core.facts.window import KEPT, Window
from steelyard.core.facts.window_table import WindowTable
from steelyard.core.vocabulary.reading import Fresh, Reading
from steelyard.simulate.carried import carried
from steelyard.simulate.scenario import Scenario
from steelyard.simulate.truth import Truth
from steelyard.simulate.world import World

POOLS, KNOWN = 8, 4
SLOWER = 0.01
"""Part by which a workload's engine takes longer than the template's, at most: a law that is fitted to one is not that of the next."""


def template(kind: Kind) -> tuple[Snapshot, World]:
    """One workload after hours in the simulator: trials are behind it, two pools with full readings hold the load, and all gates are asked."""
    world = World(_scenario(kind), {})
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


def _scenario(kind: Kind) -> Scenario:
    """Every pool holds the load, and none the peak of it."""
    grounds = {f"pool-{i}": Ground(price=1.0 - 0.05 * i, milliseconds=1000, claim=1.0) for i in range(POOLS)}
    made = scenario(1, 1.0, grounds, {"constant": _load(kind)}, server=kind)
    (entry,) = made.workloads
    policy = entry.rebalancing.model_copy(update={"cooldown_seconds": 1800})
    truth = {pool: one.model_copy(update={"max_replicas": 11}) for pool, one in entry.truth.items()}
    return made.model_copy(update={"workloads": (entry.model_copy(update={"rebalancing": policy, "truth": truth}),)})


def _load(kind: Kind) -> float:
    """Requests per second: what 11.4 replicas carry within the promise."""
    if kind is Kind.SEQUENTIAL:
        return 8.0
    return 11.4 * carried(Truth.model_validate(kinds.server(kind, 1.0)), kinds.objective(kind), kinds.lengths(kind))


def fleet(one: Snapshot, workloads: int) -> Iterator[Snapshot]:
    """So many of them. Nothing is shared but pools and settings, as in the operator, and engines that batch are not equally fast."""
    frozen, chance = pickle.dumps(one), np.random.default_rng(workloads)
    for i in range(workloads):
        again: Snapshot = pickle.loads(frozen)
        workload = replace(again.workload, key=WorkloadKey("benchmark", f"work-{i:05}"), uid=f"uid-{i}")
        factor = 1 + float(chance.uniform(0, SLOWER))
        traffic = {key: _slower(told, factor) for key, told in again.traffic.items()}
        yield replace(again, workload=workload, pools=one.pools, settings=one.settings, traffic=traffic)


def _slower(told: Reading[Traffic], factor: float) -> Reading[Traffic]:
    if not isinstance(told, Fresh) or all(w.batches is None and w.streams is None for w in told.value.windows):
        return told
    return replace(told, value=replace(told.value, windows=WindowTable(_slowed(w, factor) for w in told.value.windows)))


def _slowed(window: Window, factor: float) -> Window:
    ran, streams = window.batches, window.streams
    return window._replace(
        batches=ran and ran._replace(seconds=tuple(factor * seconds for seconds in ran.seconds)),
        streams=streams and replace(streams, first_seconds=factor * streams.first_seconds, gap_seconds=factor * streams.gap_seconds),
    )
