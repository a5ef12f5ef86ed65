"""What one good request was measured to draw."""

from __future__ import annotations

from dataclasses import dataclass

from steelyard.core.statistics.interval import Interval


@dataclass(frozen=True, slots=True)
class UnitEnergy:
    """`each`: joules per good request; `watts`: mean power of a replica, while it answered `load` requests per second, good or late. `n`: good requests
    behind them. `estimated`: a part of it is attributed, and not counted for this workload alone."""

    each: Interval
    watts: Interval
    load: float
    n: int
    estimated: bool
