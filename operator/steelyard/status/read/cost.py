"""What a workload costs an hour on each pool."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from steelyard.status.raw import Raw
from steelyard.status.read.field import number, parts, text


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolCost:
    """Money an hour, as things stood when the status was written; null while a price is not known."""

    pool: str
    allocated: Decimal | None
    """The requested share of the nodes."""
    fully_loaded: Decimal | None
    """With its part of what stands idle: all workloads together pay the nodes."""
    avoidable: Decimal | None
    """What the bill would be less without the workload."""


def costs(status: Raw) -> tuple[PoolCost, ...]:
    """Of a workload's status."""
    return tuple(
        PoolCost(
            pool=text(raw, "pool") or "",
            allocated=number(raw, "allocated"),
            fully_loaded=number(raw, "fullyLoaded"),
            avoidable=number(raw, "avoidable"),
        )
        for raw in parts(status, "costs")
    )
