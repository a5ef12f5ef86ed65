"""The fast loop: enough replicas for the load on the present mix. Adding needs less evidence than removing."""

from __future__ import annotations

from math import ceil

from steelyard.core.planning.load import Load
from steelyard.core.statistics.sequential import Result, Test

DOWN_MARGIN = 0.9
"""A replica is removed only if the rest would stay below this part of their capacity: no flapping around a whole number."""
PROBE = 1.34
"""Times the load of a replica that one step may try where more was never carried: from four replicas to three at most."""
ROUNDING = 1e-3
"""Capacities are remembered to four digits; a replica is not added for the fifth."""


def need(rate: float, capacity: float, minimum: int, maximum: int) -> int:
    """Replicas that carry `rate` requests per second at `capacity` each, within the user's bounds."""
    return max(minimum, min(maximum, ceil(rate / capacity * (1 - ROUNDING))))


def size(current: int, load: Load, capacity: float | None, promise: Test, minimum: int, maximum: int, *, probing: bool = False) -> int:
    """Replicas wanted next.

    Up at once: the newest window needs more, or what may come before a new replica is ready does, or the promise is broken (one more,
    whatever the model of capacity says).
    Down only when what the recent windows may show by chance fits with a margin and the promise holds.
    Where `capacity` is only a load that was carried (`probing`), the way down is found by trying: one replica less while the promise
    surely holds, and never a step that would load the others by more than PROBE; else a peak's replicas would stay for ever.
    `promise` speaks of windows in which `current` replicas ran: an older one would add a replica for every look until it is forgotten.
    """
    if capacity is None:
        wanted = current + 1 if promise.result is Result.FAIL else current
        return max(minimum, min(maximum, wanted))
    up = need(max(load.now, load.soon or 0.0), capacity, minimum, maximum)
    if promise.result is Result.FAIL:
        return max(minimum, min(maximum, max(up, current + 1)))
    if up > current:
        # A replica less that is being tried has shown nothing yet: added again at once, it would be taken away again at once.
        tried = probing and promise.n == 0 and load.n > 0 and need(load.now, capacity * PROBE, minimum, maximum) <= current
        return max(minimum, min(maximum, current)) if tried else up
    if promise.n == 0 and load.n > 0:
        return max(minimum, min(maximum, current))  # what was just added has shown nothing yet: taking it away again would flap
    down = max(up, need(load.crest, capacity * DOWN_MARGIN, minimum, maximum))
    if down >= current and probing and promise.result is Result.PASS and current > 1 and current / (current - 1) <= PROBE:
        down = current - 1
    return max(minimum, min(maximum, current, down))
