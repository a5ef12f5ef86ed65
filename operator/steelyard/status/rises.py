"""How the load rose within minutes, as a status has it: written, and read back."""

from __future__ import annotations

from steelyard.core.facts.rises import STEPS, WITHIN, Rises
from steelyard.status.raw import Raw
from steelyard.status.read import rises as read
from steelyard.status.scalar import count, time_text


def written_rises(found: Rises) -> Raw:
    """The rows one after the other."""
    return {
        "time": time_text(found.until),
        "requests": count(found.requests),
        "risen": [count(each) for row in found.risen for each in row],
    }


def remembered_rises(told: read.Rises) -> Rises | None:
    """None where one of its figures is not told."""
    if told.time is None or told.requests is None or len(told.risen) != len(WITHIN) * len(STEPS):
        return None
    if min(told.requests, *told.risen) < 0:
        return None
    rows = (told.risen[at : at + len(STEPS)] for at in range(0, len(told.risen), len(STEPS)))
    return Rises(until=told.time, requests=told.requests, risen=tuple(rows))
