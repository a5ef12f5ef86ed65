"""Which part of the requests comes at loads that rise before a replica is ready, as days have shown it (`core/facts/rises.py`)."""

from __future__ import annotations

from bisect import bisect
from datetime import datetime, timedelta
from math import log

import numpy as np

from steelyard.core.facts.rises import STEPS, WITHIN, Rises
from steelyard.core.planning.reserve import Rising

HALF_LIFE = timedelta(days=3)
"""After which a request counts for half."""
PRIOR = 6 * 3600.0
"""Seconds without a rise that are taken to have been before: the first rise in the first hour is not one an hour."""
MOST = 1.0
"""Part of the load by which it rises at most: nobody keeps twice the capacity for days, and a load that was nothing has no part."""
UNSEEN = 1e-6
"""Part of the requests that a rise which never came is taken for between two times of which one has it."""
_EDGES = np.array((*STEPS, MOST))
_RISES = (_EDGES[1:] + _EDGES[:-1]) / 2
_LOG_WITHIN = np.log(WITHIN).tolist()


def left(passed: timedelta) -> float:
    """The part for which a request counts after that time."""
    return float(0.5 ** (passed / HALF_LIFE))


def requests_until(rises: Rises, rate: float, now: datetime) -> float:
    """All of them, where so many per second came since `rises` were counted."""
    rest = left(now - rises.until)
    return rest * rises.requests + rate * (1 - rest) * HALF_LIFE.total_seconds() / log(2)


def risen(rises: Rises | None, seconds: float, load: float, now: datetime) -> Rising | None:
    """What a load of so many requests per second is within so many seconds where it rises; None where none did."""
    if rises is None or not any(map(any, rises.risen)):
        return None
    counted = left(now - rises.until) * np.array(rises.risen) / max(1.0, requests_until(rises, load, now) + load * PRIOR)
    # What grows by a power of the time lies on a line between logarithms.
    logs = np.log(np.clip(counted, UNSEEN, 1.0))
    after, at = bisect(WITHIN[1:-1], seconds), min(max(log(seconds), _LOG_WITHIN[0]), _LOG_WITHIN[-1])
    slope = (logs[after + 1] - logs[after]) / (_LOG_WITHIN[after + 1] - _LOG_WITHIN[after])
    over = np.exp(logs[after] + slope * (at - _LOG_WITHIN[after])) * min(1.0, seconds / WITHIN[0])
    over = np.minimum.accumulate(np.where(over > UNSEEN, over, 0.0))
    return Rising(load * (1 + _RISES), over - np.append(over[1:], 0.0))
