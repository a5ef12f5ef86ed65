"""`python -m bench.deciding N [KIND]`: measure a fleet of N workloads with servers of that kind in this process; one JSON object on standard output."""

from __future__ import annotations

import json
import pickle
import resource
import sys
import time
from dataclasses import replace
from datetime import datetime
from itertools import islice
from math import floor, inf

import numpy as np

from bench.deciding.fleet import Template, fleet, template
from bench.kinds import Kind
from steelyard.app import process_memory
from steelyard.core.decide import LOOK_AGAIN, decide
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.snapshot import Snapshot, Traffic
from steelyard.core.placing.analysis import analysis
from steelyard.core.placing.last_look import LastLook
from steelyard.core.plan import plan_demands
from steelyard.core.planning.demand import Demand
from steelyard.core.planning.fleet.warm_start import WarmStart
from steelyard.core.planning.outcome import Planned
from steelyard.core.replay.record import record
from steelyard.core.vocabulary.reading import Fresh, Reading

SHORT = 0.6
"""Of the nodes that a plan without limits uses on its two favourite pools."""
AGAIN = 3
"""Looks between a window of 60 seconds and the next, which find nothing new."""
MANY = 100
"""Workloads whose next looks are measured: of each the facts are copied, as the operator reads them anew."""
CHANGED = 0.05
"""Of the workloads, by the next plan."""


def measured(workloads: int, kind: Kind) -> dict[str, float]:
    """CPU seconds of this process, and its resident memory. The first pass is not timed: it warms caches that stay warm in an operator."""
    one = template(kind)
    now = one.now
    record_bytes = len(json.dumps(record(one.snapshot, decide(one.snapshot, now), now)))
    snapshots = list(fleet(one.snapshot, workloads))
    demands, looks = list[Demand](), list[LastLook]()
    began = time.process_time()
    for snapshot in snapshots:
        decision = decide(snapshot, now)
        looks.append(LastLook.of(snapshot, decision))
        if decision.demand is not None:
            demands.append(decision.demand)
    seconds = time.process_time() - began
    again = _again_seconds(looks, now)
    window = _window_seconds(looks, one, workloads)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    some = snapshots[: min(workloads, 100)]
    began = time.process_time()
    for snapshot in some:
        analysis(snapshot, now)
    analysis_seconds = (time.process_time() - began) / len(some)
    chance = np.random.default_rng(workloads)
    demands = [_scaled(demand, float(chance.uniform(0.25, 1.5))) for demand in demands]
    nodes = _short(demands)
    cold, warm_start = _planned(demands, nodes, None)
    for at in chance.choice(len(demands), max(1, round(CHANGED * len(demands))), replace=False):
        demands[at] = _scaled(demands[at], float(chance.uniform(0.8, 1.25)))
    warm, _ = _planned(demands, nodes, warm_start)
    return {
        "workloads": workloads,
        "seconds": seconds,
        "rss_mib": most / 2**20,
        "per_decision_ms": 1000 * seconds / workloads,
        "decided": one.decided,
        "per_look_ms": 1000 * (one.decided * seconds + (1 - one.decided) * window + again) / (workloads * (1 + AGAIN)),
        "analysis_ms": 1000 * analysis_seconds,
        "record_kib": record_bytes / 1024,
        "plan_seconds": cold,
        "warm_plan_seconds": warm,
    }


def _again_seconds(looks: list[LastLook], now: datetime) -> float:
    """Of the looks until the next window, each with a reading of its own moment."""
    spent = 0.0
    for time_of_look in (now + k * LOOK_AGAIN for k in range(1, AGAIN + 1)):
        read = [pickle.loads(pickle.dumps(replace(look.snapshot, traffic=_read_at(look.snapshot, time_of_look)))) for look in looks[:MANY]]
        began = time.process_time()
        stand = [look.goes_on(snapshot, time_of_look) is not None for look, snapshot in zip(looks, read, strict=False)]
        spent += (time.process_time() - began) * len(looks) / len(read)
        assert all(stand), "the template is not at rest"
    return spent


def _window_seconds(looks: list[LastLook], one: Template, workloads: int) -> float:
    """Of one look more at each, which finds a window as expected, and in the status what its own decision remembers."""
    newer = islice(fleet(one.then, workloads), MANY)
    read = [pickle.loads(pickle.dumps(replace(each, memory=look.snapshot.memory))) for look, each in zip(looks, newer, strict=False)]
    began = time.process_time()
    stand = [look.goes_on(snapshot, one.then_at) is not None for look, snapshot in zip(looks, read, strict=False)]
    spent = (time.process_time() - began) * len(looks) / len(read)
    assert all(stand), "the window after the template is not as expected"
    return spent


def _read_at(snapshot: Snapshot, moment: datetime) -> dict[PlacementKey, Reading[Traffic]]:
    return {key: replace(told, at=moment) if isinstance(told, Fresh) else told for key, told in snapshot.traffic.items()}


def _scaled(one: Demand, factor: float) -> Demand:
    return replace(one, problem=replace(one.problem, load=one.problem.load * factor))


def _short(demands: list[Demand]) -> dict[str, float]:
    """What makes workloads compete: the two pools that all would like best do not hold all of them."""
    pools = sorted({offer.pool for one in demands for offer in one.problem.offers})
    free = plan_demands(tuple(demands), dict.fromkeys(pools, inf), {})
    used = dict.fromkeys(pools, 0)
    for target in free.targets.values():
        assert isinstance(target, Planned)
        for pool, replicas in target.replicas.items():
            used[pool] += replicas
    liked = sorted(pools, key=lambda pool: -used[pool])[:2]
    return {pool: float(floor(SHORT * used[pool])) if pool in liked else inf for pool in pools}


def _planned(demands: list[Demand], nodes: dict[str, float], warm_start: WarmStart | None) -> tuple[float, WarmStart | None]:
    began = time.process_time()
    found = plan_demands(tuple(demands), nodes, {}, warm_start)
    return time.process_time() - began, found.warm_start


if __name__ == "__main__":
    process_memory.look_seldom()  # As the operator does.
    print(json.dumps(measured(int(sys.argv[1]), Kind(sys.argv[2]) if len(sys.argv) > 2 else Kind.SEQUENTIAL)))
