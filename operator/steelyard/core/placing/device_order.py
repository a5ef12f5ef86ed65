"""Alternatives of a ResourceClaim are tried in the order in which it lists them (DRA, `firstAvailable`): whether what was measured says another one."""

from __future__ import annotations

from itertools import combinations

from steelyard.core.facts.existing import DeviceOrder
from steelyard.core.placing.analysis import Analysis
from steelyard.core.statistics.interval import Interval
from steelyard.core.statistics.significant import significant


def better_order(seen: Analysis) -> str | None:
    """Of the first list in which an alternative comes before one with which a good request surely costs less, by what the workload asks a move to save at
    least, the order by measured cost; None where no list has such. What is measured on no pool yet is named, and has no place in that order."""
    found = seen.snapshot.found
    return next(filter(None, (_told(seen, order) for order in found.orders)), None) if found is not None else None


def _told(seen: Analysis, order: DeviceOrder) -> str | None:
    costs = {name: cost for name, pool in order.alternatives if (cost := _cost(seen, pool)) is not None}
    worth = 1 - seen.snapshot.workload.rebalancing.min_saving_percent / 100
    wrong = [(first, then) for first, then in combinations(costs, 2) if costs[then].upper < worth * costs[first].lower]
    if not wrong:
        return None
    first, then = max(wrong, key=lambda each: costs[each[0]].point / costs[each[1]].point)
    part = significant(costs[then].point / costs[first].point, 1)
    unknown = [name for name, _ in order.alternatives if name not in costs]
    beside = f"; nothing was measured with {', '.join(unknown)}" if unknown else ""
    by_cost = ", ".join(sorted(costs, key=lambda name: (costs[name].point, name)))
    return (
        f"{order.claim}, request {order.request}, takes {first} before {then}, with which a good request costs about {part:g} of that: "
        f"in firstAvailable the order by measured cost is {by_cost}{beside}"
    )


def _cost(seen: Analysis, pool: str | None) -> Interval | None:
    """Of a request where a replica is full, as a claim is made for one replica after the other; None where the ends of what it carries are not known."""
    option = seen.option(pool) if pool is not None else None
    if option is None or option.limit is None or (known := option.figures) is None or known.capacity.rate.lower <= 0:
        return None
    each, rate = known.each, known.capacity.rate
    return Interval(each / rate.point, each / rate.upper, each / rate.lower)
