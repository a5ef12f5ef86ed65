"""What one replica completes at most, late or not.

Where replicas shed load, or as many requests wait for room in them as run, they complete no more: that is their saturation, as measured. Else it
follows from busy time by the utilisation law (Denning and Buzen, 1978): a request occupies a replica for S seconds, and 1 / S of them fill it. A
server that batches completes its largest batch in the time of that. No planning margin is in it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import inf

from steelyard.core.facts.capacity import Saturation
from steelyard.core.facts.window import Window
from steelyard.core.performance.batching import BatchLaw
from steelyard.core.performance.capacity import FULL
from steelyard.core.performance.token_law import TokenLaw
from steelyard.core.statistics.interval import Interval, lowest, ratio_interval


def saturation(
    windows: Sequence[Window], takes: Interval | None, chance: random.Random, law: BatchLaw | TokenLaw | None = None
) -> Saturation | None:
    """Requests per second and replica; None where they were never full, and neither busy time nor batches are told: what was carried has no upper end.

    takes: seconds of a replica that a request takes (`capacity.occupied` of these windows). law: of batches or of tokens (`batch_law`, `token_law` of these windows).
    """
    if (shedding := _completed([w for w in windows if _sheds(w)], chance)) is not None:
        return shedding
    rates = [] if law is None else [law.saturation]
    if takes is not None:
        rates.append(Interval(1 / takes.point, 1 / takes.upper, 1 / takes.lower))
    told = windows if law is not None else [w for w in windows if w.busy_seconds is not None]
    by_law = Saturation(lowest(rates), sum(w.good + w.slow for w in told)) if rates else None
    # A line is seen at some moments of a window, so that it may have been shorter between them: few such windows say less than a law of all.
    seen = _completed([w for w in windows if _lines_up(w)], chance)
    return seen if seen is not None and (by_law is None or _wide(seen.rate) < _wide(by_law.rate)) else by_law


def _completed(full: Sequence[Window], chance: random.Random) -> Saturation | None:
    rate = ratio_interval([(float(w.good + w.slow), w.replica_seconds) for w in full], chance)
    return None if rate is None else Saturation(rate, sum(w.good + w.slow for w in full))


def _sheds(window: Window) -> bool:
    return window.replica_seconds > 0 and window.shed > (1 - FULL) * window.offered


def _lines_up(window: Window) -> bool:
    return window.replica_seconds > 0 and window.streams is not None and window.streams.full


def _wide(rate: Interval) -> float:
    return rate.upper / rate.lower if rate.lower > 0 else inf
