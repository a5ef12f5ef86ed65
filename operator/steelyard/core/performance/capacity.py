"""Good requests per second that one replica serves while the promise holds, with uncertainty.

Utilisation law (Denning and Buzen, 1978): U = X * S. The time S that a request occupies a replica is measured at any load as
busy time over requests; the promise holds up to a utilisation RHO that queueing allows, so capacity = RHO / S. A claim is only a wide
prior: one window of real traffic outweighs it. Where the server does not tell its busy time, the load itself is the evidence: a load
carried within the promise is a lower bound of capacity, a load that broke it an upper one.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from steelyard.core.economics.unit_cost import Interval, ratio_interval
from steelyard.core.performance.window import Window

RHO = 0.7
"""Planned utilisation. At 0.7 the mean wait of an M/D/1 queue is 1.2 service times and arrivals may exceed their mean by 40 %."""
CLAIM_SPREAD = 2.0
"""A claim may be off by this factor either way: the range of advertised against measured figures in the catalogue."""


class Basis(StrEnum):
    """Where a figure comes from. A claim never wins over a measurement."""

    CLAIMED = "Claimed"
    MEASURED = "Measured"


@dataclass(frozen=True, slots=True)
class Capacity:
    """Good requests per second and replica, with its basis and the number of requests behind it."""

    rate: Interval
    basis: Basis
    n: int


def claimed(rate: float) -> Capacity:
    """Prior from a claim of `rate` requests per second and replica."""
    return Capacity(Interval(rate, rate / CLAIM_SPREAD, rate * CLAIM_SPREAD), Basis.CLAIMED, 0)


def measured(windows: Sequence[Window], allowed: float, chance: random.Random) -> Capacity | None:
    """Capacity from windows of real traffic; None without any good request.

    allowed: fraction of requests that may miss the objective.
    """
    good = sum(w.good for w in windows)
    if good <= 0:
        return None
    served = [(w.busy_seconds, float(w.good + w.slow)) for w in windows if w.busy_seconds is not None and w.good + w.slow > 0]
    if served:
        occupied = ratio_interval(served, chance)
        if occupied is not None and occupied.lower > 0:
            rate = Interval(RHO / occupied.point, RHO / occupied.upper, RHO / occupied.lower)
            return Capacity(_within_seen(rate, windows, allowed), Basis.MEASURED, good)
    carried = [w.good / w.replica_seconds for w in windows if w.offered and w.violations <= allowed * w.offered and w.replica_seconds > 0]
    if not carried:
        return None
    top = max(carried)
    return Capacity(Interval(top, top, top * CLAIM_SPREAD), Basis.MEASURED, good)


def _within_seen(rate: Interval, windows: Sequence[Window], allowed: float) -> Interval:
    """Raise the bounds to a load that was carried; a load that broke the promise while busy lowers them."""
    lower, point, upper = rate.lower, rate.point, rate.upper
    for w in windows:
        if w.replica_seconds <= 0 or w.offered < 1 / max(allowed, 0.01):
            continue
        load = (w.good + w.slow) / w.replica_seconds
        if w.violations <= allowed * w.offered:
            lower = max(lower, min(load, point))
        elif w.busy_seconds is not None and w.busy_seconds / w.replica_seconds > RHO / 2 and load < point:
            point, lower = load, min(lower, load)
    return Interval(point, min(lower, point), max(upper, point))
