"""The rules of others, and ours. Where workloads share pools, a rule takes them in their order and each sees what devices are left."""

from __future__ import annotations

from math import ceil, floor

import numpy as np

from bench.peering.case import MOST, SLACK, Answer, Case, Policy, Reals, Whole, planned
from steelyard.core.planning.exact import solve
from steelyard.core.planning.fleet.fleet import Fleet
from steelyard.core.planning.fleet.outcome import FleetInfeasible, FleetUndecided
from steelyard.core.planning.fleet.solve import share_pools
from steelyard.core.planning.outcome import Infeasible, Planned
from steelyard.core.planning.problem import Offer, Problem


def saturation_greedy(case: Case) -> Answer:
    """Add where cost per capacity is lowest, or remove where a replica costs most; what does not fit goes to the next pool.

    CostAwareOptimizer of llm-d-workload-variant-autoscaler @ 74afe4ce, which leaves the devices out of account.
    """
    replicas = case.current.copy()
    room = case.limit - (replicas * case.devices).sum(axis=0)
    for w in range(case.load.size):
        spare = float(replicas[w] @ case.capacity[w]) - case.load[w]
        if spare < 0:
            for p in _by_efficiency(case, w):
                more = min(max(0, ceil(-spare / case.capacity[w, p] - SLACK)), case.fit(w, p, room))
                replicas[w, p] += more
                room[p] -= more * case.devices[w, p]
                spare += more * case.capacity[w, p]
        else:
            for p in np.argsort(-case.cost[w], kind="stable"):
                if case.capacity[w, p] > 0:
                    fewer = min(int(replicas[w, p]), floor(spare / case.capacity[w, p] + SLACK))
                    replicas[w, p] -= fewer
                    room[p] += fewer * case.devices[w, p]
                    spare -= fewer * case.capacity[w, p]
    return planned(replicas)


def best_single(case: Case) -> Answer:
    """The pool on which the workload alone costs least, among those that carry it."""
    replicas, room = np.zeros_like(case.current), case.limit.copy()
    for w, load in enumerate(case.load):
        options = []
        for p in _by_efficiency(case, w):
            n = max(1, ceil(load / case.capacity[w, p] - SLACK))
            if n <= case.fit(w, p, room):
                options.append((n * case.cost[w, p] + max(0, n - case.current[w, p]) * case.added[w, p], p, n))
        if not options:
            return Answer(replicas=None, said="infeasible", why=f"workload {w}: no pool carries it alone")
        _, p, n = min(options)
        replicas[w, p] = n
        room[p] -= n * case.devices[w, p]
    return planned(replicas)


def hpa(target: float) -> Policy:
    """A HorizontalPodAutoscaler on the pool of lowest cost per capacity: ceil(load / (target * capacity)), at most what fits."""

    def policy(case: Case) -> Answer:
        replicas, room = np.zeros_like(case.current), case.limit.copy()
        for w, load in enumerate(case.load):
            for p in _by_efficiency(case, w)[:1]:
                replicas[w, p] = min(ceil(load / (target * case.capacity[w, p]) - SLACK), case.fit(w, p, room))
                room[p] -= replicas[w, p] * case.devices[w, p]
        return planned(replicas)

    return policy


def steelyard(case: Case) -> Answer:
    """Our planner: the exact search for one workload, pool prices for several."""
    return _one(case) if case.load.size == 1 else _fleet(case)


def _one(case: Case) -> Answer:
    offers = tuple(
        Offer(
            pool=f"{p:03}",
            family="any",
            spot=False,
            capacity=float(case.capacity[0, p]),
            cost=float(case.cost[0, p]),
            most=case.fit(0, int(p), case.limit),
            current=int(case.current[0, p]),
            added=float(case.added[0, p]),
        )
        for p in np.flatnonzero(case.capacity[0] > 0)
    )
    outcome = solve(Problem(load=float(case.load[0]), minimum=1, maximum=MOST, offers=offers, equal_share=case.even))
    if isinstance(outcome, Planned):
        replicas = np.zeros_like(case.current)
        for pool, n in outcome.replicas.items():
            replicas[0, int(pool)] = n
        return Answer(replicas=replicas, said="planned", gap=outcome.gap)
    if isinstance(outcome, Infeasible):
        return Answer(replicas=None, said="infeasible", why=outcome.relaxation)
    return Answer(replicas=None, said="undecided", why=outcome.why)


def _fleet(case: Case) -> Answer:
    workloads, pools = case.capacity.shape
    most = np.array([[case.fit(w, p, case.limit) for p in range(pools)] for w in range(workloads)], dtype=np.int64)
    fleet = Fleet(
        load=case.load,
        least=np.ones(workloads, dtype=np.int64),
        capacity=case.capacity,
        cost=case.cost,
        devices=case.devices.astype(float),
        limit=case.limit,
        current=case.current,
        added=case.added,
        most=most,
        even=np.full(workloads, case.even),
    )
    plan = share_pools(fleet)
    if isinstance(plan, FleetInfeasible):
        short = ", ".join(f"pool {p}" for p in np.flatnonzero(plan.prices))
        return Answer(replicas=None, said="infeasible", why=f"short of at least {plan.missing:.3g} devices: {short}")
    if isinstance(plan, FleetUndecided):
        return Answer(replicas=None, said="undecided", why="no plan found, and no proof that there is none")
    if plan.without or plan.unknown:
        said = "infeasible" if plan.without else "undecided"
        return Answer(replicas=None, said=said, why=f"no mix carries workloads {plan.without or plan.unknown}")
    replicas: Whole = plan.replicas
    return Answer(replicas=replicas, said="planned", gap=plan.gap)


def _by_efficiency(case: Case, w: int) -> list[int]:
    """Pools that serve the workload, the lowest cost per capacity first."""
    serving = np.flatnonzero(case.capacity[w] > 0)
    efficiency: Reals = case.cost[w, serving] / case.capacity[w, serving]
    return [int(p) for p in serving[np.argsort(efficiency, kind="stable")]]
