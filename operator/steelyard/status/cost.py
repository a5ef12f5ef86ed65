"""What a workload costs an hour, as its status has it: written again only where a figure is another one.

What idles on a pool is divided among all that run there, so each workload's figures change a little with every neighbour's replica.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from steelyard.core.economics.hourly_cost import HourlyCost
from steelyard.core.statistics.significant import significant
from steelyard.status.raw import Raw
from steelyard.status.read.cost import PoolCost, costs
from steelyard.status.scalar import decimals

DIGITS = 3
ALIKE = Decimal("1.05")
"""Times a figure within which another is the same one."""


def written_costs(now: Mapping[str, HourlyCost] | None, old: Mapping[str, Any], most: int) -> list[Raw]:
    """By pool, at most `most` of them. old: the status so far, whose figures stay where they say the same. now: None where nothing is known."""
    before: list[Raw] = old.get("costs") or []
    if now is None:
        return before
    fresh = [{"pool": pool, **_figures(cost)} for pool, cost in sorted(now.items())[:most]]
    were, are = costs({"costs": before}), costs({"costs": fresh})
    return before if len(were) == len(are) and all(map(_alike, were, are)) else fresh


def _figures(cost: HourlyCost) -> Raw:
    return decimals(allocated=_rounded(cost.allocated), fullyLoaded=_rounded(cost.fully_loaded), avoidable=_rounded(cost.avoidable))


def _rounded(value: float | None) -> float | None:
    return None if value is None else significant(value, DIGITS)


def _alike(old: PoolCost, new: PoolCost) -> bool:
    pairs = ((old.allocated, new.allocated), (old.fully_loaded, new.fully_loaded), (old.avoidable, new.avoidable))
    return old.pool == new.pool and all(_same(before, after) for before, after in pairs)


def _same(old: Decimal | None, new: Decimal | None) -> bool:
    if old is None or new is None or not old or not new:
        return old == new
    return 1 / ALIKE <= new / old <= ALIKE
