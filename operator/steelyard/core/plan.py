"""plan(fleet, now): pool prices and targets for all workloads at once. The slow door of the core.

Workloads are planned one after the other, each exactly; what they share are the pools' nodes. What runs now is reserved for whoever runs
it, so nobody is planned out of a place by a name that sorts earlier. The sum of the plans that each workload could have if the pools were
its own is a lower bound that no plan of the fleet can beat.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from math import inf

from steelyard.core.planning.exact import continuous_bound, solve
from steelyard.core.planning.option import Option
from steelyard.core.planning.outcome import Outcome, Planned
from steelyard.core.planning.problem import Problem
from steelyard.core.rebalancing.propose import problem
from steelyard.core.situation import situation
from steelyard.core.snapshot import Pool, Snapshot, WorkloadKey

_SLACK = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPlan:
    """targets: by workload, in order of key; a workload whose load is not known has none, and stays.

    prices: money per node and hour that one node more of the pool would be worth to those who do without it; 0 where nodes are left.
    cost and bound: money per hour of the planned workloads; bound <= optimum <= cost where all of them are planned.
    """

    targets: Mapping[WorkloadKey, Outcome]
    prices: Mapping[str, float]
    cost: float
    bound: float

    @property
    def gap(self) -> float:
        """(cost - bound) / cost; 0 at cost 0."""
        return 0.0 if self.cost == 0 else (self.cost - self.bound) / self.cost


@dataclass(frozen=True, slots=True, kw_only=True)
class _Demand:
    """One workload's problem, the nodes that a replica takes on each pool, and the nodes it takes now."""

    key: WorkloadKey
    problem: Problem
    per_replica: Mapping[str, float]
    running: Mapping[str, float]


def plan(fleet: tuple[Snapshot, ...], now: datetime) -> FleetPlan:
    """Targets of every workload whose load is known."""
    demands = [d for s in sorted(fleet, key=lambda s: s.workload.key) if (d := _demand(s, now)) is not None]
    nodes = {pool.name: _nodes(pool) for snapshot in fleet for pool in snapshot.pools}
    left = {name: limit - sum(d.running.get(name, 0.0) for d in demands) for name, limit in nodes.items()}
    targets: dict[WorkloadKey, Outcome] = {}
    worth: dict[str, float] = {}
    cost = bound = 0.0
    for demand in demands:
        free = {name: left.get(name, inf) + demand.running.get(name, 0.0) for name in demand.per_replica}
        alone, outcome = solve(demand.problem), solve(_within(demand, free))
        targets[demand.key] = outcome
        taken = demand.running
        if isinstance(outcome, Planned):
            taken = {name: count * demand.per_replica[name] for name, count in outcome.replicas.items()}
            cost += outcome.cost
            bound += alone.bound if isinstance(alone, Planned) else continuous_bound(demand.problem)
            if isinstance(alone, Planned) and outcome.cost > alone.cost:
                for name, count in sorted(alone.replicas.items()):
                    missing = count * demand.per_replica[name] - outcome.replicas.get(name, 0) * demand.per_replica[name]
                    if missing > _SLACK:
                        worth[name] = max(worth.get(name, 0.0), (outcome.cost - alone.cost) / missing)
        for name in left:
            left[name] += demand.running.get(name, 0.0) - taken.get(name, 0.0)
    return FleetPlan(targets=targets, prices={name: worth.get(name, 0.0) for name in sorted(nodes)}, cost=cost, bound=bound)


def _nodes(pool: Pool) -> float:
    limits = [float(n) for n in (pool.max_nodes, None if pool.provisioned else pool.nodes) if n is not None]
    return min(limits, default=inf)


def _demand(snapshot: Snapshot, now: datetime) -> _Demand | None:
    seen = situation(snapshot, now)
    if not snapshot.synced or seen.load is None:
        return None
    home = seen.option(seen.home.pool) if seen.home else None
    per_replica = {o.pool: _node_part(o) for o in seen.options}
    return _Demand(
        key=snapshot.workload.key,
        problem=problem(snapshot, seen.options, seen.load.crest, home),
        per_replica=per_replica,
        running=_running(snapshot, per_replica),
    )


def _node_part(option: Option) -> float:
    """Nodes that one replica takes: 1 over the replicas that fit on one."""
    if option.candidate.shape is None:
        return 1.0
    return 1.0 / max(1, option.a_node)


def _running(snapshot: Snapshot, per_replica: Mapping[str, float]) -> Mapping[str, float]:
    running: dict[str, float] = {}
    for placement in sorted(snapshot.placements, key=lambda p: p.key):
        pool = placement.key.pool
        running[pool] = running.get(pool, 0.0) + max(placement.desired, placement.pods) * per_replica.get(pool, 0.0)
    return running


def _within(demand: _Demand, free: Mapping[str, float]) -> Problem:
    """The problem with every pool's limit cut to the nodes that are free."""
    offers = []
    for offer in demand.problem.offers:
        room = free[offer.pool] / demand.per_replica[offer.pool]
        offers.append(offer if room == inf else replace(offer, most=max(0, min(offer.most, int(room + _SLACK)))))
    return replace(demand.problem, offers=tuple(offers))
