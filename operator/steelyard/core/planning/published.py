"""What is told to those who buy nodes: a price for each instance type of a pool, and an order of node groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from steelyard.core.facts.snapshot import Pool
from steelyard.core.planning.relative_cost import RelativeCost
from steelyard.core.statistics.significant import significant
from steelyard.core.vocabulary.reading import Fresh

DIGITS = 4
"""Of a price."""


def published_prices(pool: Pool, relative: RelativeCost, now: datetime) -> Mapping[str, float]:
    """Money per hour of a node, by instance type: its price times the replicas that do the work of one on the cheapest pool, so that a replica's part
    of it is in proportion to what a good request costs there. Never below its price, since it is read for everybody's pods. A type without a fresh
    price has none."""
    times = max(1.0, relative.replicas)
    usable = {shape.instance_type: shape.price for shape in pool.shapes if shape.price is not None and shape.price.plausible}
    return {
        instance_type: significant(price.per_hour * times, DIGITS)
        for instance_type, price in sorted(usable.items())
        if isinstance(price.reading(now), Fresh)
    }


def ranked_groups(pools: Iterable[Pool], relative: Mapping[str, RelativeCost]) -> Sequence[Sequence[str]]:
    """Node groups of the pools that are compared, the cheapest first; those that cost the same stand together. A group of several pools is as dear
    as the dearest of them."""
    costs: dict[str, float] = {}
    for pool in pools:
        if pool.node_group is not None and pool.name in relative:
            costs[pool.node_group] = max(relative[pool.name].cost, costs.get(pool.node_group, 0.0))
    groups: dict[float, list[str]] = defaultdict(list)
    for group, cost in sorted(costs.items()):
        groups[cost].append(group)
    return [groups[cost] for cost in sorted(groups)]


def cheapest_groups(asked: Sequence[str], ranked: Sequence[Sequence[str]]) -> Sequence[str]:
    """Those of `asked` on which good requests are known to cost least; all of them where that is known of none."""
    return next((found for groups in ranked if (found := [group for group in asked if group in groups])), asked)
