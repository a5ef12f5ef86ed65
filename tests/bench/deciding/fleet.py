"""Snapshots as an operator holds them: each workload on two of eight pools, all the windows with histograms that a reading holds, memory filled."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from bench import kinds
from bench.kinds import Kind
from bench.wrong.cases import Ground, scenario
from steelyard.core.decide import decide
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.snapshot import Snapshot, Traffic
from steelyard.core.facts.window import KEPT, Window
from steelyard.core.facts.window_table import WindowTable
from steelyard.core.placing.last_look import LastLook
from steelyard.core.vocabulary.reading import Fresh, Reading
from steelyard.simulate.carried import carried
from steelyard.simulate.scenario import Scenario
from steelyard.simulate.truth import Truth
from steelyard.simulate.world import World

POOLS, KNOWN = 8, 4
AT_REST = 60
"""Windows in which it is counted how many are decided on."""
SLOWER = 0.01
"""Part by which a workload's engine takes longer than the template's, at most: a law that is fitted to one is not that of the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One workload after hours in the simulator: trials are behind it, two pools with full readings hold the load, and all gates are asked.

    `now`: when it is decided on. `then`: the facts a window later, by which that decision stands, at `then_at`. decided: part of its windows at rest that are
    decided on."""

    snapshot: Snapshot
    now: datetime
    then: Snapshot
    then_at: datetime
    decided: float


def template(kind: Kind) -> Template:
    """As the operator looks at it: a decision that stands is not made again."""
    world, looks = World(_scenario(kind), {}), dict[str, LastLook]()
    found: tuple[Snapshot, datetime, Snapshot, datetime] | None = None
    last: tuple[Snapshot, datetime] | None = None
    decided = windows = 0
    while windows < AT_REST and not world.over:
        world.step()
        for name in world.due():
            snapshot, before = world.snapshot(name), looks.pop(name, None)
            look = before.goes_on(snapshot, world.moment) if before is not None else None
            windows += found is not None
            if look is not None:
                looks[name] = look
                world.leave(name)
                found = found or (last and (*last, snapshot, world.moment))
                continue
            decided += found is not None
            decision = decide(snapshot, world.moment)
            full = [r for r in snapshot.traffic.values() if isinstance(r, Fresh) and len(r.value.windows) == KEPT]
            rests = len(full) == len(snapshot.placements) == 2 and decision.review is not None and len(snapshot.memory.known) >= KNOWN
            last = (snapshot, world.moment) if rests else None
            world.obey(name, decision)
            looks[name] = LastLook.of(snapshot, decision)
    if found is None:
        raise AssertionError("the template never came to rest on two pools: see its scenario")
    snapshot, now, then, then_at = found
    return Template(snapshot=snapshot, now=now, then=then, then_at=then_at, decided=decided / windows)


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
