"""`python -m bench.deciding N`: measure a fleet of N workloads in this process; one JSON object on standard output."""

from __future__ import annotations

import json
import resource
import sys
import time
from dataclasses import replace
from math import floor, inf

import numpy as np

from bench.deciding.fleet import fleet, template
from steelyard.core.decide import decide
from steelyard.core.placing.analysis import analysis
from steelyard.core.plan import plan_demands
from steelyard.core.planning.demand import Demand
from steelyard.core.planning.fleet.warm_start import WarmStart
from steelyard.core.planning.outcome import Planned
from steelyard.core.replay.record import record

SHORT = 0.6
"""Of the nodes that a plan without limits uses on its two favourite pools."""
CHANGED = 0.05
"""Of the workloads, by the next plan."""


def measured(workloads: int) -> dict[str, float]:
    """CPU seconds of this process, and its resident memory. The first pass is not timed: it warms caches that stay warm in an operator."""
    one, world = template()
    now = world.moment
    record_bytes = len(json.dumps(record(one, decide(one, now), now)))
    snapshots = list(fleet(one, workloads))
    began = time.process_time()
    decisions = [decide(snapshot, now) for snapshot in snapshots]
    seconds = time.process_time() - began
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    some = snapshots[: min(workloads, 100)]
    began = time.process_time()
    for snapshot in some:
        analysis(snapshot, now)
    analysis_seconds = (time.process_time() - began) / len(some)
    chance = np.random.default_rng(workloads)
    demands = [_scaled(d.demand, float(chance.uniform(0.25, 1.5))) for d in decisions if d.demand is not None]
    nodes = _short(demands)
    cold, warm_start = _planned(demands, nodes, None)
    for at in chance.choice(len(demands), max(1, round(CHANGED * len(demands))), replace=False):
        demands[at] = _scaled(demands[at], float(chance.uniform(0.8, 1.25)))
    warm, _ = _planned(demands, nodes, warm_start)
    return {
        "workloads": workloads,
        "seconds": seconds,
        "rss_mib": most / 2**20,
        "per_workload_ms": 1000 * seconds / workloads,
        "analysis_ms": 1000 * analysis_seconds,
        "record_kib": record_bytes / 1024,
        "plan_seconds": cold,
        "warm_plan_seconds": warm,
    }


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
    print(json.dumps(measured(int(sys.argv[1]))))
