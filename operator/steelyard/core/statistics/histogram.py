"""Cumulative histograms as they are scraped: count of observations up to each edge, in seconds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

Buckets: TypeAlias = Mapping[float, int]
"""Edge in seconds -> observations at or below it; the edge +Inf is the number of all. Empty: nothing was observed yet."""

FIRST = 1.4
"""Width of the first bucket and of what lies above the last, in logarithms: a factor of 4."""


def added(one: Buckets | None, other: Buckets | None) -> Buckets | None:
    """Both together; None where they cannot be added, because one is unknown or the edges differ."""
    if one is None or other is None:
        return None
    if not one or not other:
        return one or other
    return {edge: count + other[edge] for edge, count in one.items()} if one.keys() == other.keys() else None


def growth(new: Buckets | None, old: Buckets | None) -> Buckets | None:
    """What came in between; None where that cannot be said."""
    if new is None or old is None:
        return None
    if not old:
        return new
    return {edge: count - old[edge] for edge, count in new.items()} if new.keys() == old.keys() else None


def shrank(new: Buckets | None, old: Buckets | None) -> bool:
    """Whether any bucket lost observations, which only a restart explains."""
    return bool(new and old and any(count < old.get(edge, 0) for edge, count in new.items()))


def quantile(buckets: Buckets | None, share: float) -> float | None:
    """Seconds below which `share` of the observations lie, by linear interpolation inside a bucket; None without observations.

    Same estimate as Prometheus' `histogram_quantile`; above the last finite edge that edge is returned, which is then a lower bound.
    """
    if not buckets:
        return None
    edges = sorted(buckets)
    rank = share * buckets[edges[-1]]
    if rank <= 0:
        return None
    low, below = 0.0, 0
    for edge in edges:
        if buckets[edge] >= rank:
            if math.isinf(edge):
                return low or None
            return low + (edge - low) * (rank - below) / (buckets[edge] - below)
        low, below = edge, buckets[edge]
    return None


@dataclass(frozen=True, slots=True)
class Quantile:
    """Seconds, with the standard deviation of their logarithm. at_least: it lies above the last finite edge, which is given."""

    seconds: float
    sigma: float
    at_least: bool


def uncertain_quantile(buckets: Buckets | None, share: float) -> Quantile | None:
    """The same estimate with what it may be off: by chance, as a share of so many observations, and by the width of its bucket."""
    seconds = quantile(buckets, share)
    if not buckets or seconds is None:
        return None
    n = buckets[max(buckets)]
    reached = [edge for edge in sorted(buckets) if buckets[edge] >= share * n]
    if math.isinf(reached[0]):
        return Quantile(seconds, FIRST / math.sqrt(12), at_least=True)
    low = max((edge for edge in buckets if edge < reached[0]), default=reached[0] / math.exp(FIRST))
    chance = math.sqrt(share * (1 - share) / n)
    less, more = (quantile(buckets, min(1.0, max(0.0, s))) or seconds for s in (share - chance, share + chance))
    return Quantile(seconds, math.hypot(math.log(more / less) / 2, math.log(reached[0] / low) / math.sqrt(12)), at_least=False)
