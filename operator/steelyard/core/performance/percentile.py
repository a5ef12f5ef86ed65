"""From windows to the percentile that the objective speaks of, at loads that replicas are meant to carry: from half of their capacity to all of it.

Below that nothing waits, and above it the objective is not kept: neither says how long a request takes in service. Ends of buckets are exact, and
what lies between them is not told; so the interval reaches from edge to edge. How far the share at an edge may be off by chance is counted with late
requests in clusters, as they come (`capacity.CLUSTERED`), or as the windows show where that is more.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isinf, sqrt

from steelyard.core.facts.percentile import Percentile
from steelyard.core.facts.snapshot import LatencyObjective
from steelyard.core.facts.window import Window
from steelyard.core.performance.capacity import CLUSTERED
from steelyard.core.statistics.confidence_sequence import NORMAL, WRONG, widening
from steelyard.core.statistics.histogram import Buckets, at_or_below, quantile, summed
from steelyard.core.statistics.interval import Interval

USUAL = (0.5, 1.0)
"""Parts of a replica's capacity between which a load is one that it is meant for."""


def percentile(windows: Sequence[Window], capacity: float, objective: LatencyObjective) -> Percentile | None:
    """Of the windows at a usual load whose server tells latencies by the same edges; None without any, or while so few were answered that the
    upper end is not known. capacity: requests per second and replica. Of an objective for the whole of a request (`e2e`)."""
    usual = [w for w in windows if w.replica_seconds > 0 and _is_usual(w, capacity) and w.buckets]
    told = [w.buckets for w in usual if w.buckets is not None]
    together = summed(told)
    share = objective.percent / 100
    point = quantile(together, share)
    if not together or point is None:
        return None
    off = _off(told, together, share)
    lower, upper = _edges(together, share - off)[0], _edges(together, share + off)[1]
    if lower <= 0 or isinf(upper):
        return None
    return Percentile(
        milliseconds=Interval(point, min(lower, point), max(upper, point)).times(1000),
        percent=objective.percent,
        load=sum(w.offered for w in usual) / sum(w.replica_seconds for w in usual),
        n=together[max(together)],
    )


def _is_usual(window: Window, capacity: float) -> bool:
    least, most = USUAL
    return least * capacity <= window.offered / window.replica_seconds <= most * capacity


def _off(told: Sequence[Buckets], together: Buckets, share: float) -> float:
    """How far the share at the percentile may be off by chance, at any look. told: by window; all of them have the edges of `together`."""
    last, edge = max(together), _edges(together, share)[1]
    n = together[last]
    seen = together[edge] / n
    spread = seen * (1 - seen)
    between = 0.0
    if len(told) > 1 and spread > 0:
        counts = zip(at_or_below(told, edge), at_or_below(told, last), strict=True)
        between = sum((k - seen * each) ** 2 / (each * spread) for k, each in counts if each) / (len(told) - 1)
    return NORMAL * widening(WRONG) * sqrt(max(CLUSTERED, between) * share * (1 - share) / n)


def _edges(buckets: Buckets, share: float) -> tuple[float, float]:
    """The edges between which that part of the observations is reached; 0 below the first one, infinite beyond all."""
    if share > 1:
        return inf, inf
    below, reached = 0.0, share * buckets[max(buckets)]
    for edge in sorted(buckets):
        if buckets[edge] >= reached:
            return below, edge
        below = edge
    return below, inf
