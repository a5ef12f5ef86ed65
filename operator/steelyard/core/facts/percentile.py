"""How long requests take that a replica answers at about the load for which it is meant."""

from __future__ import annotations

from dataclasses import dataclass

from steelyard.core.statistics.interval import Interval


@dataclass(frozen=True, slots=True)
class Percentile:
    """Milliseconds below which `percent` of `n` answers stayed, while a replica was asked for `load` requests per second. Its interval is left by
    the truth with a chance of 1 % at most, however often one looks."""

    milliseconds: Interval
    percent: float
    load: float
    n: int
