"""How much is asked for: requests per second over all placements of a workload."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

from steelyard.core.performance.window import Window

RECENT = 5
"""Windows that sizing looks back over; going down waits for the busiest of them to pass (HPA's stabilisation, in windows)."""
CREST_SIGMAS = 4.0
"""Chance alone lifts one window in 30,000 by this many standard deviations of a Poisson count."""


@dataclass(frozen=True, slots=True)
class Load:
    """Requests per second: in the newest window, in the busiest of the last RECENT, and their mean.

    crest: what one window may show at that mean by chance alone, and never less than the busiest.
    """

    now: float
    busiest: float
    n: int
    mean: float
    crest: float


def load(placements: Iterable[Sequence[Window]]) -> Load | None:
    """Sum over placements of windows that ended together; None without any window.

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
    return Load(rates[min(rates)], busiest, n, mean, max(busiest, chance_crest(mean, seconds)))


def chance_crest(mean: float, seconds: float) -> float:
    """Requests per second that one window of so many seconds may show by chance alone: CREST_SIGMAS of a Poisson count above its mean."""
    return mean + CREST_SIGMAS * sqrt(mean / seconds)
