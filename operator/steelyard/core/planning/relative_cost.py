"""How pools compare by what good requests cost there, over all workloads that were measured on two of them or more.

Requests of two workloads are different work, so pools are compared within each, and the ratios are averaged: as a geometric mean, so that a pool
which is twice as dear for one workload and half as dear for another is as dear as the other pool.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import geometric_mean

from steelyard.core.performance.ageing import SURE_FOR
from steelyard.core.planning.measured_cost import MeasuredCost
from steelyard.core.statistics.significant import significant

DIGITS = 2
"""Of a ratio that is published: what differs by less is no news to whoever buys nodes by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativeCost:
    """cost: of a good request, in times that on the cheapest pool. replicas: that do the work of one replica on the cheapest pool. workloads: that were
    measured on this pool and another."""

    cost: float
    replicas: float
    workloads: int


def relative_costs(by_workload: Iterable[Sequence[MeasuredCost]], now: datetime) -> Mapping[str, RelativeCost]:
    """By pool. A pool that no workload compares with another one has none, and a measurement older than SURE_FOR counts no more."""
    ratios: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for measured in by_workload:
        sure = [one for one in measured if now - one.measured <= SURE_FOR]
        if len(sure) < 2:
            continue
        cheapest = min(sure, key=lambda one: (one.cost, one.pool))
        for one in sure:
            ratios[one.pool].append((one.cost / cheapest.cost, cheapest.rate / one.rate))
    return {pool: _mean(found) for pool, found in sorted(ratios.items())}


def _mean(ratios: Sequence[tuple[float, float]]) -> RelativeCost:
    costs, replicas = zip(*ratios, strict=True)
    return RelativeCost(
        cost=significant(geometric_mean(costs), DIGITS), replicas=significant(geometric_mean(replicas), DIGITS), workloads=len(ratios)
    )
