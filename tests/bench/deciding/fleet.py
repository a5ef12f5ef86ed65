"""Snapshots as an operator holds them: each workload on two of eight pools, all the windows with histograms that a reading holds, memory filled."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile

import numpy as np

from bench import kinds
from bench.kinds import Kind
from bench.wrong.cases import Ground, scenario
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.snapshot import Snapshot, Traffic
from steelyard.core.facts.window import KEPT, Window
from steelyard.core.facts.window_table import WindowTable
from steelyard.core.placing.last_look import LastLook
from steelyard.core.vocabulary.reading import Fresh, Reading
from steelyard.simulate.carried import carried
from steelyard.simulate.drive import Decided, steps
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

    now: when it is decided on. then: the facts a window later, at `then_at`, by which that decision stands. decided: part of the windows from then on in
    which something is decided."""

    snapshot: Snapshot
    now: datetime
    then: Snapshot
    then_at: datetime
    decided: float


def template(kind: Kind) -> Template:
    """Played as the operator looks at it. AssertionError where it never comes to rest."""
    world = World(_scenario(kind), {})
    (name,), playing = world.tenants, steps(world)
    for decided in playing:
        if decided:
            last, now = decided[-1], world.moment
            look = LastLook.of(last.snapshot, last.decision)
            continue
        then = world.snapshot(name)
        if _is_full(last) and (stands := look.goes_on(then, world.moment)) is not None and stands is not look:
            break
    else:
        raise AssertionError("the template never came to rest on two pools: see its scenario")
    length = world.tenants[name].entry.rebalancing.window_seconds
    then_at, end = world.moment, world.now + AT_REST * length
    windows = {world.now // length for decided in takewhile(lambda _: world.now < end, playing) if decided}
    return Template(snapshot=last.snapshot, now=now, then=then, then_at=then_at, decided=len(windows) / AT_REST)


def _is_full(decided: Decided) -> bool:
    snapshot = decided.snapshot
    full = [r for r in snapshot.traffic.values() if isinstance(r, Fresh) and len(r.value.windows) == KEPT]
    return len(full) == len(snapshot.placements) == 2 and decided.decision.review is not None and len(snapshot.memory.known) >= KNOWN


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
    """So many of one namespace, as the operator holds them. Nothing is shared but pools, settings, artifacts and the edges of histograms; engines that
    batch are not equally fast; and of the last decision nobody keeps the lines that explain it to people (`control/gather/unexplained.py`)."""
    frozen, chance = pickle.dumps(one), np.random.default_rng(workloads)
    for i in range(workloads):
        again: Snapshot = pickle.loads(frozen)
        workload = replace(again.workload, key=WorkloadKey("benchmark", f"work-{i:05}"), uid=f"uid-{i}")
        factor = 1 + float(chance.uniform(0, SLOWER))
        traffic = {key: _slower(told, factor) for key, told in again.traffic.items()}
        past = {key: WindowTable(table) for key, table in again.past.items()}
        shared = replace(again, pools=one.pools, settings=one.settings, artifacts=one.artifacts)
        yield replace(shared, workload=workload, traffic=traffic, past=past, memory=again.memory.unexplained)


def _slower(told: Reading[Traffic], factor: float) -> Reading[Traffic]:
    if not isinstance(told, Fresh):
        return told
    return replace(told, value=replace(told.value, windows=WindowTable(_slowed(w, factor) for w in told.value.windows)))


def _slowed(window: Window, factor: float) -> Window:
    ran, streams = window.batches, window.streams
    return window._replace(
        batches=ran and ran._replace(seconds=tuple(factor * seconds for seconds in ran.seconds)),
        streams=streams and replace(streams, first_seconds=factor * streams.first_seconds, gap_seconds=factor * streams.gap_seconds),
    )
