"""What pods cost in a stretch of time: from creation to their end, ready or not, because that is what is paid."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from steelyard.observe.observed_pod import ObservedPod


def cost(pods: Iterable[ObservedPod], start: datetime, end: datetime) -> float | None:
    """Money between two moments; None while the price of any pod that existed then is unknown.

    A pod that vanished without a time of its end is paid until `end`, when it was seen to be gone.
    """
    money = 0.0
    for pod in pods:
        seconds = existence(pod, start, end)
        if seconds <= 0:
            continue
        if pod.cost_per_hour is None:
            return None
        money += pod.cost_per_hour * seconds / 3600
    return money


def existence(pod: ObservedPod, start: datetime, end: datetime) -> float:
    """Seconds of existence between two moments."""
    until = end if pod.ended is None else min(pod.ended, end)
    return max(0.0, (until - max(pod.created, start)).total_seconds())
