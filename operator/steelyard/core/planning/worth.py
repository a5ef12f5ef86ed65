"""What a node of a scarce pool is worth to the workloads that wait for one, by what is really waited for.

A price of the plan says where demand and supply meet, and is one of many where they meet exactly: at the lowest of them nobody gains by making
room. What those who wait would save is what making room for them is worth. A higher price than the plan's makes no workload want anything else
than the plan, since it falls on nodes beyond the plan alone (`planning/choice_price.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.planning.demand import Demand
from steelyard.core.planning.outcome import Outcome, Planned
from steelyard.core.planning.wish import gained

UNSERVED = 100.0
"""Times the dearest node that anybody uses: what a node is worth to a workload that lacks it to keep its promise. To serve comes before to save."""
_SLACK = 1e-9


def worth(
    demands: Sequence[Demand], targets: Mapping[WorkloadKey, Outcome], prices: Mapping[str, float], lacked: Mapping[str, int]
) -> dict[str, float]:
    """Money per hour and node, by pool. prices: of the plan. lacked: pools that somebody lacks."""
    planned = {d.key: o.replicas for d in demands if isinstance(o := targets.get(d.key), Planned)}
    waiting = [
        wish
        for one in demands
        for wish in one.wishes or ()
        if not wish.room and planned.get(one.key, {}).get(wish.pool, 0) > one.running.get(wish.pool, 0)
    ]
    needed = dict.fromkeys(lacked, _unserved(demands))
    saved = gained(waiting)
    return {pool: max(price, saved.get(pool, 0.0), needed.get(pool, 0.0)) for pool, price in prices.items()}


def lacking(demands: Sequence[Demand], targets: Mapping[WorkloadKey, Outcome], nodes: Mapping[str, float]) -> dict[str, int]:
    """Pools of which a workload that lacks replicas gets more by the plan than others leave free, with the highest priority of such a workload."""
    left = free(demands, nodes)
    found: dict[str, int] = {}
    for one in demands:
        outcome = targets.get(one.key)
        if not one.short or not isinstance(outcome, Planned):
            continue
        for pool, count in outcome.replicas.items():
            more = count - one.running.get(pool, 0)
            if more > 0 and more * one.per_replica[pool] > left.get(pool, inf) + _SLACK:
                found[pool] = max(found.get(pool, 0), one.priority)
    return found


def free(demands: Sequence[Demand], nodes: Mapping[str, float]) -> dict[str, float]:
    """Nodes that no replica takes now, by pool."""
    left = dict(nodes)
    for one in demands:
        for pool, count in one.running.items():
            if pool in left:
                left[pool] -= count * one.per_replica.get(pool, 0.0)
    return left


def _unserved(demands: Sequence[Demand]) -> float:
    return UNSERVED * max((o.cost / d.per_replica[o.pool] for d in demands for o in d.problem.offers), default=0.0)
