"""What an hour of a steady load costs on a pool, and how much of what is paid for stands idle: replicas are whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from steelyard.status.read.trial import TrialPool


@dataclass(frozen=True, slots=True, kw_only=True)
class HourRow:
    """Null where it is not known."""

    pool: str
    load: Decimal
    """Requests per second of the whole workload."""
    replicas: int
    money: Decimal | None
    """Of all replicas."""
    spare: Decimal | None
    """The part of it, from 0 to 1, that pays for more than the load needs while the objective is just kept."""


def hour_rows(pools: Iterable[TrialPool]) -> Iterator[HourRow]:
    """By pool, then by load."""
    for pool in pools:
        for step in pool.steps:
            if step.load is None or step.replicas is None:
                continue
            most = None if pool.capacity is None else pool.capacity * step.replicas
            yield HourRow(
                pool=pool.pool,
                load=step.load,
                replicas=step.replicas,
                money=None if pool.price_per_hour is None else pool.price_per_hour * step.replicas,
                # A capacity that was only carried is a lower end, so that at least this part is spare.
                spare=None if not most else max(Decimal(0), 1 - step.load / most).quantize(Decimal("0.001")),
            )
