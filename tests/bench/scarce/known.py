"""The plan with full knowledge: true capacities and the loads of the whole day, planned anew for each half hour; and what it costs at least."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bench.loop.waiting import Reals, utilisation
from bench.scarce.case import HOUR, NODE_SECONDS, START_SECONDS, STEP, WARM_UP, Case
from steelyard.core.plan import FleetPlan, plan_demands
from steelyard.core.planning.demand import Demand
from steelyard.core.planning.outcome import Planned
from steelyard.core.planning.problem import Offer, Problem
from steelyard.simulate.facts import key_of

PERIOD = 1800
"""Seconds from plan to plan."""
BUDGET = 0.5
"""The part of the allowed misses that it plans with, as the operator does by default."""
PAID_IDLE = NODE_SECONDS + START_SECONDS + 2 * STEP
"""Seconds that a replica is paid for without serving: its start and its drain."""

Allocation = Mapping[str, Mapping[str, int]]
"""Replicas by workload and pool."""


@dataclass(frozen=True, slots=True)
class Known:
    """allocations: one for each period since the warm-up began. bound: money for what is counted that no plan can beat which carries the mean
    load of each period within the promise."""

    allocations: tuple[Allocation, ...]
    bound: float


def known(case: Case) -> Known:
    """Plans for the most that comes in each period, from what the one before left; ValueError where a workload cannot be served."""
    allocations: list[Allocation] = []
    bound, before = 0.0, {w.name: dict[str, int]() for w in case.scenario.workloads}
    for begin in range(0, WARM_UP + case.seconds, PERIOD):
        end = min(begin + PERIOD, WARM_UP + case.seconds)
        made = _plan(case, begin, end, before)
        allocations.append(made)
        before = {name: dict(replicas) for name, replicas in made.items()}
        if begin >= WARM_UP:
            bound += _least(case, begin, end) * (end - begin) / HOUR
    return Known(tuple(allocations), bound)


def _plan(case: Case, begin: int, end: int, before: Allocation) -> Allocation:
    part = (1 - _percent(case)) * BUDGET
    found = _planned(case, {w.name: float(_rates(case, w.name, begin, end).max()) for w in case.scenario.workloads}, part, before)
    made = {}
    for workload in case.scenario.workloads:
        target = found.targets[key_of(workload)]
        if not isinstance(target, Planned):
            raise ValueError(f"the fleet of seed {case.seed} cannot serve {workload.name}: {target}")
        made[workload.name] = dict(target.replicas)
    return made


def _least(case: Case, begin: int, end: int) -> float:
    """Money per hour."""
    loads = {w.name: float(_rates(case, w.name, begin, end).mean()) for w in case.scenario.workloads}
    return _planned(case, loads, 1 - _percent(case), None).bound


def _percent(case: Case) -> float:
    return case.scenario.workloads[0].objective.percent / 100


def _rates(case: Case, workload: str, begin: int, end: int) -> Reals:
    trace = case.traces[next(w.load.trace.file for w in case.scenario.workloads if w.name == workload and w.load.trace)]
    rates: Reals = np.interp(np.arange(begin, end + 1, 60.0), trace.moments, trace.rates)
    return rates


def _planned(case: Case, loads: Mapping[str, float], part: float, before: Allocation | None) -> FleetPlan:
    """part: of the requests that may be late. before: replicas that stand; None where starts cost nothing."""
    pools = {pool.name: pool for pool in case.scenario.pools}
    demands = []
    for workload in case.scenario.workloads:
        stand = before[workload.name] if before is not None else {}
        offers = []
        for name, truth in workload.truth.items():
            pool, service = pools[name], truth.service_milliseconds / 1000
            assert pool.price_per_hour is not None and pool.max_nodes is not None
            offers.append(
                Offer(
                    pool=name,
                    family=pool.family,
                    spot=False,
                    capacity=utilisation(part, workload.objective.milliseconds / 1000 / service) / service,
                    cost=pool.price_per_hour,
                    most=pool.max_nodes,
                    current=stand.get(name, 0),
                    added=0.0 if before is None else pool.price_per_hour * PAID_IDLE / PERIOD,
                )
            )
        problem = Problem(load=loads[workload.name], minimum=1, maximum=workload.scaling.max_replicas, offers=tuple(offers))
        demands.append(Demand(key=key_of(workload), problem=problem, per_replica=dict.fromkeys(pools, 1.0), running=stand))
    limits = {name: float(pool.max_nodes or 0) for name, pool in pools.items()}
    return plan_demands(tuple(sorted(demands, key=lambda d: d.key)), limits, {})
