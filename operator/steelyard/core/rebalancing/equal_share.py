"""How many replicas the source needs so that an equal part of the load is not too much for a slower target beside it.

One Service gives every ready replica the same part. A target replica that carries less than one of the source would be overloaded by it from
its first request on, however little it costs: so the source grows first, and gives the extra replicas back when the target has grown.
"""

from __future__ import annotations

from steelyard.core.planning.option import UNBOUNDED
from steelyard.core.planning.sizing import need


def source_beside(rate: float, source: float | None, target: float | None, others: float | None, elsewhere: int) -> int:
    """Replicas of the source at which nobody's part of `rate` (requests per second) is above the smallest capacity (the same, per replica).

    elsewhere: replicas of the target and of all others that share the load. 0 where the target's capacity is not known at all.
    """
    if target is None:
        return 0
    slowest = min(c for c in (source, target, others) if c is not None)
    return max(0, need(rate, slowest, 1, UNBOUNDED) - elsewhere)
