"""How many replicas of one kind carry a load. Adding needs less evidence than removing."""

from __future__ import annotations

from math import ceil

DOWN_MARGIN = 0.9
"""A replica is removed only if the rest would stay below this part of their capacity: no flapping around a whole number."""
SLACK = 0.25
"""Part of a replica that must be left over where one goes: it would come back with the next small change."""
PROBE = 1.34
"""Times the load of a replica that one step may try where more was never carried: from four replicas to three at most."""
ROUNDING = 1e-3
"""Capacities are remembered to four digits; a replica is not added for the fifth."""


def need(rate: float, capacity: float, minimum: int, maximum: int) -> int:
    """Replicas that carry `rate` requests per second at `capacity` each, within the user's bounds."""
    return max(minimum, min(maximum, ceil(rate / capacity * (1 - ROUNDING))))
