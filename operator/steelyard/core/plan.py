"""plan(fleet, now): pool prices and targets for all workloads at once. The slow door of the core.

What workloads share are the pools' nodes and their namespaces' money. The plan carries a bound that no plan can beat. Where not all can be
served it says who goes without, and what is short.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import inf

import numpy as np

from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.snapshot import FleetTarget, Pool, Snapshot
from steelyard.core.placing.analysis import analysis
from steelyard.core.placing.ask import demand
from steelyard.core.planning.demand import Demand
from steelyard.core.planning.exact import solve
from steelyard.core.planning.fleet.admission import admit
from steelyard.core.planning.fleet.fleet import Fleet, Index, Reals, Whole
from steelyard.core.planning.fleet.outcome import FleetInfeasible, FleetPlanned
from steelyard.core.planning.fleet.pricing import mixes
from steelyard.core.planning.fleet.solve import share_pools
from steelyard.core.planning.fleet.warm_start import WarmStart
from steelyard.core.planning.left_over import Left, Shared, left_over
from steelyard.core.planning.outcome import Infeasible, Outcome, Planned, Undecided
from steelyard.core.planning.wish import turns
from steelyard.core.planning.worth import lacking, worth

NODES_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPlan:
    """targets: by workload, in order of key; a workload whose load is not known has none, and stays.

    prices: money per hour that one node more of the pool would be worth; 0 where nodes are left. budgets: the same of one unit of money
    more in a namespace's budget. cost and bound: money per hour of those served; bound <= optimum <= cost. worth: money per hour that a node of
    the pool is worth to those who wait for one, and no less than its price. lacked: pools of which a
    workload that is not served gets more than others leave free, with the highest priority of such a workload. turns: who may begin a move. left: what those may have who go
    without. offered: the pools that the plan could choose from, by workload. warm_start: what the next plan begins from.
    """

    targets: Mapping[WorkloadKey, Outcome]
    prices: Mapping[str, float]
    cost: float
    bound: float
    budgets: Mapping[str, float] = field(default_factory=dict)
    worth: Mapping[str, float] = field(default_factory=dict)
    lacked: Mapping[str, int] = field(default_factory=dict)
    turns: frozenset[WorkloadKey] = frozenset()
    left: Mapping[WorkloadKey, Left] = field(default_factory=dict)
    offered: Mapping[WorkloadKey, frozenset[str]] = field(default_factory=dict)
    warm_start: WarmStart | None = field(default=None, compare=False, repr=False)

    @property
    def gap(self) -> float:
        """(cost - bound) / cost; 0 at cost 0."""
        return 0.0 if self.cost == 0 else (self.cost - self.bound) / self.cost

    def target(self, key: WorkloadKey) -> FleetTarget | None:
        """What it has for that workload; None where it does not know it. A workload that is alone takes no node from anybody."""
        outcome, alone = self.targets.get(key), len(self.targets) == 1
        if outcome is None:
            return None
        left = self.left.get(key)
        most = left.most if left else None
        return FleetTarget(
            replicas=outcome.replicas if isinstance(outcome, Planned) else most,
            scarcity={pool: worth for pool, worth in self.worth.items() if worth > 0 and not alone},
            turn=alone or key in self.turns,
            most=most,
            back=left.back if left else (),
            lacked=() if alone else tuple(sorted(self.lacked)),
        )


def plan(fleet: tuple[Snapshot, ...], now: datetime, warm_start: WarmStart | None = None) -> FleetPlan:
    """Targets of every workload whose load is known. warm_start: of the plan before, for speed alone."""
    demands = tuple(d for s in sorted(fleet, key=lambda s: s.workload.key) if (d := demand(analysis(s, now))) is not None)
    nodes = {pool.name: nodes_of(pool) for snapshot in fleet for pool in snapshot.pools}
    budgets = {name: money for snapshot in fleet for name, money in snapshot.settings.namespace_budgets.items()}
    return plan_demands(demands, nodes, budgets, warm_start)


def plan_demands(
    demands: tuple[Demand, ...], nodes: Mapping[str, float], budgets: Mapping[str, float], warm_start: WarmStart | None = None
) -> FleetPlan:
    """The same from what was derived already. demands: in order of key. nodes: of each pool, inf where nobody limits them. budgets: money
    per hour, by namespace."""
    found, too_many = _planned(demands, nodes, budgets, warm_start)
    lacked = lacking(demands, found.targets, nodes)
    return replace(
        found,
        worth=worth(demands, found.targets, found.prices, lacked),
        lacked=lacked,
        # Without a proof that they are too many nobody is told to go without.
        left=left_over(demands, found.targets, Shared(nodes, budgets, lacked)) if too_many else {},
        turns=turns({d.key: d.wishes or () for d in demands}),
        offered={d.key: frozenset(offer.pool for offer in d.problem.offers) for d in demands},
    )


def _planned(
    demands: tuple[Demand, ...], nodes: Mapping[str, float], budgets: Mapping[str, float], warm_start: WarmStart | None
) -> tuple[FleetPlan, bool]:
    """Who gets what, and the prices; and whether it is proved that not all can be served."""
    pools, payers = sorted(nodes), sorted(budgets)
    none = FleetPlan(targets={}, prices=dict.fromkeys(pools, 0.0), cost=0.0, bound=0.0, budgets=dict.fromkeys(payers, 0.0))
    if not demands:
        return none, False
    fleet = _fleet(demands, pools, nodes, payers, budgets)
    found = share_pools(fleet, warm_start)
    if isinstance(found, FleetPlanned):
        targets = _targets(demands, pools, found, np.arange(len(demands)), mixes(fleet, np.zeros(fleet.limits.size)).bound)
        for at in found.without:
            targets[demands[at].key] = _alone(demands[at])
        for at in found.unknown:
            targets[demands[at].key] = Undecided(bound=0.0, why="no mix of up to three pools was found that carries the load")
        return _plan(targets, pools, payers, found), False
    priority = np.array([d.priority for d in demands], dtype=np.int64)
    served = admit(fleet, priority, found.prices)
    why = _short(found, pools, payers) if isinstance(found, FleetInfeasible) else None
    targets = {}
    if served.plan is not None:
        alone = mixes(fleet.only(served.workloads), np.zeros(fleet.limits.size)).bound
        targets = _targets(demands, pools, served.plan, served.workloads, alone)
    for one in demands:
        if one.key not in targets:
            targets[one.key] = why or Undecided(bound=0.0, why="the pools may not hold all workloads, and no plan for this one was found")
    answer = replace(none, targets=dict(sorted(targets.items()))) if served.plan is None else _plan(targets, pools, payers, served.plan)
    return answer, why is not None


def nodes_of(pool: Pool) -> float:
    """Nodes that there may be; inf where nobody limits them."""
    limits = [float(n) for n in (pool.max_nodes, None if pool.provisioned else pool.nodes) if n is not None]
    return min(limits, default=inf)


def _fleet(
    demands: tuple[Demand, ...], pools: list[str], nodes: Mapping[str, float], payers: list[str], budgets: Mapping[str, float]
) -> Fleet:
    w, p = len(demands), len(pools)
    column = {name: at for at, name in enumerate(pools)}
    families = sorted({o.family for d in demands for o in d.problem.offers})
    capacity, cost, devices, added = np.zeros((w, p)), np.ones((w, p)), np.ones((w, p)), np.zeros((w, p))
    current, most, floor = np.zeros((w, p), np.int64), np.zeros((w, p), np.int64), np.zeros((w, p), np.int64)
    family, spot = np.zeros(p, np.int64), np.zeros(p, np.bool_)
    for row, one in enumerate(demands):
        for offer in one.problem.offers:
            at = column[offer.pool]
            capacity[row, at], cost[row, at], added[row, at] = offer.capacity, offer.cost, offer.added
            current[row, at], most[row, at], floor[row, at] = max(offer.current, one.running.get(offer.pool, 0)), offer.most, offer.least
            devices[row, at] = one.per_replica[offer.pool]
            family[at], spot[at] = families.index(offer.family), offer.spot
    payer = {name: at for at, name in enumerate(payers)}
    return Fleet(
        load=np.array([d.problem.load for d in demands]),
        least=_whole(d.problem.minimum for d in demands),
        maximum=_whole(d.problem.maximum for d in demands),
        capacity=capacity,
        cost=cost,
        devices=devices,
        limit=np.array([nodes[name] for name in pools]),
        current=current,
        added=added,
        most=most,
        floor=floor,
        even=np.array([d.problem.equal_share for d in demands]),
        family=family,
        families=_whole(d.problem.min_families for d in demands),
        spot=spot,
        spot_percent=_whole(d.problem.max_spot_percent for d in demands),
        money=np.array([budgets[name] for name in payers], dtype=np.float64),
        payer=_whole(payer.get(d.key.namespace, -1) for d in demands),
    )


def _whole(values: Iterable[int]) -> Whole:
    return np.fromiter(values, dtype=np.int64)


def _targets(demands: tuple[Demand, ...], pools: list[str], found: FleetPlanned, rows: Index, alone: Reals) -> dict[WorkloadKey, Outcome]:
    """Of those planned. The bound of one workload is what it would cost if the pools were its own."""
    targets: dict[WorkloadKey, Outcome] = {}
    gone = {*found.without, *found.unknown}
    for place, row in enumerate(rows):
        if place in gone:
            continue
        one, counts = demands[int(row)], found.replicas[place]
        by_pool = {o.pool: o for o in one.problem.offers}
        replicas = {pools[p]: int(counts[p]) for p in np.flatnonzero(counts)}
        cost = sum(n * by_pool[pool].cost + max(0, n - by_pool[pool].current) * by_pool[pool].added for pool, n in replicas.items())
        targets[one.key] = Planned(replicas=replicas, cost=cost, bound=min(cost, float(alone[place])))
    return targets


def _plan(targets: Mapping[WorkloadKey, Outcome], pools: list[str], payers: list[str], found: FleetPlanned) -> FleetPlan:
    prices = [float(price) for price in found.prices]
    return FleetPlan(
        targets=dict(sorted(targets.items())),
        prices=dict(zip(pools, prices[: len(pools)], strict=True)),
        cost=found.cost,
        bound=found.bound,
        budgets=dict(zip(payers, prices[len(pools) :], strict=True)),
        warm_start=found.warm_start,
    )


def _alone(one: Demand) -> Infeasible:
    """What the workload's own limits say, whatever the others take."""
    outcome = solve(one.problem)
    if isinstance(outcome, Infeasible):
        return outcome
    return Infeasible(conflict=("pools", "load"), relaxation="no mix of up to three pools carries the load: raise the limits of the pools")


def _short(found: FleetInfeasible, pools: list[str], payers: list[str]) -> Infeasible:
    """The proof, in words: which pools and budgets are priced in it, and how many units are missing at least."""
    named = [(f"nodes of pool {name}", price) for name, price in zip(pools, found.prices, strict=False)]
    named += [(f"the budget of namespace {name}", price) for name, price in zip(payers, found.prices[len(pools) :], strict=True)]
    tight = sorted((entry for entry in named if entry[1] > 1e-6), key=lambda entry: (-entry[1], entry[0]))[:NODES_SHOWN]
    what = ", ".join(name for name, _ in tight) or "the pools' nodes"
    amount = f"at least {found.missing:.3g} are missing" if found.missing > 0 else "they do not suffice together"
    return Infeasible(
        conflict=tuple(name for name, _ in tight),
        relaxation=f"the workloads together need more than there is of {what}: {amount}. Raise spec.capacity.maxNodes, add a pool or lower "
        "a workload's load or priority",
    )
