"""The fast loop: enough replicas for the load on the present mix. Adding needs less evidence than removing."""

from __future__ import annotations

from math import ceil

from steelyard.core.planning.load import Load
from steelyard.core.rebalancing.verdict import Result, Test

DOWN_MARGIN = 0.9
"""A replica is removed only if the rest would stay below this part of their capacity: no flapping around a whole number."""
ROUNDING = 1e-3
"""Capacities are remembered to four digits; a replica is not added for the fifth."""


def need(rate: float, capacity: float, minimum: int, maximum: int) -> int:
    """Replicas that carry `rate` requests per second at `capacity` each, within the user's bounds."""
    return max(minimum, min(maximum, ceil(rate / capacity * (1 - ROUNDING))))


def size(current: int, load: Load, capacity: float | None, promise: Test, minimum: int, maximum: int) -> int:
    """Replicas wanted next.

    Up at once: the newest window needs more, or the promise is broken (one more, whatever the model of capacity says).
    Down only when what the recent windows may show by chance fits with a margin and the promise holds.
    `promise` speaks of windows in which `current` replicas ran: an older one would add a replica for every look until it is forgotten.
    """
    if capacity is None:
        wanted = current + 1 if promise.result is Result.FAIL else current
        return max(minimum, min(maximum, wanted))
    up = need(load.now, capacity, minimum, maximum)
    if promise.result is Result.FAIL:
        return max(minimum, min(maximum, max(up, current + 1)))
    if up > current:
        return up
    down = need(load.crest, capacity * DOWN_MARGIN, minimum, maximum)
    return max(minimum, min(maximum, min(current, down) if down < current else current))
