"""How long requests take at a usual load, as a status has it: written, and read back."""

from __future__ import annotations

from steelyard.core.facts.percentile import Percentile
from steelyard.status.raw import Raw
from steelyard.status.read import placement as read
from steelyard.status.scalar import all_decimals, count
from steelyard.status.value import interval


def written_percentile(found: Percentile) -> Raw:
    """Empty where one of its figures is no number."""
    took = found.milliseconds
    told = all_decimals(percent=found.percent, milliseconds=took.point, lower=took.lower, upper=took.upper, requestsPerSecond=found.load)
    return told and {**told, "n": count(found.n)}


def remembered_percentile(told: read.Percentile | None) -> Percentile | None:
    """None where one of its figures is not told."""
    if told is None or told.percent is None or told.requests_per_second is None:
        return None
    took = interval(told.milliseconds, told.lower, told.upper)
    return None if took is None else Percentile(took, float(told.percent), float(told.requests_per_second), told.n or 0)
