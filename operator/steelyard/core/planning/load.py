"""How much is asked for, and how much may be when a replica ordered now is ready: requests per second over all placements of a workload."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt

from steelyard.core.facts.window import Window
from steelyard.core.planning.forecast import Forecast
from steelyard.core.planning.risk import chance_of_excess

START = 120.0
"""Seconds from order to ready, where no start has been seen."""
LEAST = 10
"""Windows from which on a forecast says more than the newest one."""
RECENT = 5
"""Windows that sizing looks back over; going down waits for the busiest of them to pass (HPA's stabilisation, in windows)."""
CREST_SIGMAS = 4.0
"""Chance alone lifts one window in 30,000 by this many standard deviations of a Poisson count."""


@dataclass(frozen=True, slots=True)
class Load:
    """Requests per second: in the newest window, in the busiest of the last RECENT, and their mean.

    crest: what one window may show at that mean by chance alone, and never less than the busiest. soon: what the load may be START seconds
    from now, exceeded no more often than the objective makes worth it; None where too little was seen.
    """

    now: float
    busiest: float
    n: int
    mean: float
    crest: float
    soon: float | None = None


def load(placements: Iterable[Sequence[Window]], allowed: float = 0.01) -> Load | None:
    """Sum over placements of windows that ended together; None without any window. allowed: part of the requests that may miss the objective.

    A window older than RECENT window lengths before the newest one counts for nothing: an emptied placement carries no load any more.
    """
    each = [tuple(w for w in windows if w.seconds > 0) for windows in placements]
    newest = max((w.end for windows in each for w in windows), default=None)
    if newest is None:
        return None
    rates: dict[int, float] = {}
    n, seconds = 0, 0.0
    for windows in each:
        taken: set[int] = set()
        for w in reversed(windows):
            back = round((newest - w.end).total_seconds() / w.seconds)
            if back >= RECENT or back in taken:
                continue
            taken.add(back)
            rates[back] = rates.get(back, 0.0) + w.offered / w.seconds
            n, seconds = n + w.offered, max(seconds, w.seconds)
    busiest, mean = max(rates.values()), sum(rates[back] for back in sorted(rates)) / len(rates)
    return Load(rates[min(rates)], busiest, n, mean, max(busiest, chance_crest(mean, seconds)), _soon(each, newest, allowed))


def _soon(placements: Iterable[Sequence[Window]], newest: datetime, allowed: float) -> float | None:
    """From the windows since which the same placements have served: one that came or went looks like a load that did."""
    asked: dict[datetime, tuple[float, float, int]] = {}
    for windows in placements:
        for w in windows:
            requests, seconds, parts = asked.get(w.end, (0.0, w.seconds, 0))
            asked[w.end] = (requests + w.offered, seconds, parts + 1)
    serving = asked[newest][2]
    ends = sorted(asked)
    changed = max((at for at, end in enumerate(ends) if asked[end][2] != serving), default=-1)
    if len(ends) - 1 - changed < LEAST:
        return None
    seen = Forecast()
    for end in ends[changed + 1 :]:
        seen = seen.after(*asked[end][:2])
    return seen.quantile(START, chance_of_excess(allowed), asked[newest][1])


def chance_crest(mean: float, seconds: float) -> float:
    """Requests per second that one window of so many seconds may show by chance alone: CREST_SIGMAS of a Poisson count above its mean."""
    return mean + CREST_SIGMAS * sqrt(mean / seconds)
