"""What good requests cost on each pool, by one workload that was measured there: what pools are compared by, for those who buy nodes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from steelyard.core.facts.identity import on_pool
from steelyard.core.performance.ageing import measured_at
from steelyard.core.planning.option import PER_HOUR, Option, good_for_part


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredCost:
    """cost: money per 1,000 good requests of a replica at its capacity, where its nodes are paid by the hour. rate: good requests per second of that
    replica. measured: when that was last seen."""

    pool: str
    cost: float
    rate: float
    measured: datetime


def measured_costs(options: Iterable[Option]) -> tuple[MeasuredCost, ...]:
    """Of the pools that a workload may use, in order of name. A pool is left out where its capacity is a claim, only a load that was carried, or older
    than a week, and where its price is not fresh. Of several variants on a pool the cheapest counts."""
    found: dict[str, MeasuredCost] = {}
    for option in options:
        one = _measured(option)
        if one is not None and (one.pool not in found or one.cost < found[one.pool].cost):
            found[one.pool] = one
    return tuple(found[pool] for pool in sorted(found))


def _measured(option: Option) -> MeasuredCost | None:
    rate, measured = option.limit, measured_at(option.known) if option.known else None
    if rate is None or rate <= 0 or measured is None or option.old or option.listed is None or not good_for_part(option):
        return None
    return MeasuredCost(pool=on_pool(option.pool), cost=option.listed / (PER_HOUR * rate), rate=rate, measured=measured)
