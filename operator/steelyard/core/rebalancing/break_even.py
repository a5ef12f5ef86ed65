"""From which ratio of costs on a move saves nothing. Replicas are whole: a target that is dearer at capacity may need one less."""

from __future__ import annotations

from math import ceil, inf

from steelyard.core.planning.sizing import ROUNDING


def break_even(rate: float, given: int, staying: int, source_capacity: float, prices: float, least: int) -> float:
    """The target's cost per good request over the source's, both at capacity, up to which the target costs less at `rate`.

    given: replicas of the source that the move gives up; staying: those of all pools that stay and take their equal part. prices: a target
    replica's price over a source replica's. least: fewest replicas that the target runs. Capacities in requests per second and replica.
    """
    most = ceil(given / prices * (1 - ROUNDING)) - 1
    if most < max(1, least):
        return 0.0  # even the fewest of its replicas cost as much
    if rate <= 0:
        return inf
    enough = rate * (1 - ROUNDING) / (staying + most)
    return prices * source_capacity / enough
