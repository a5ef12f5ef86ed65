"""From windows to a pool's floor: the share of good requests at the lowest load seen, and what a still lower load could make of it.

What a queue adds to the misses is convex in the load (of one server with a constant or an exponential service time it is so up to saturation),
so a line through what was missed at several loads lies, continued to no load at all, below what is missed there. What is above the promise even
by that line is the pool's own, and no number of replicas takes it away. Where the server tells how long it was busy there is a second bound: a
request that arrives by chance finds a replica at work as often as it works (PASTA, Wolff 1982), so waiting explains no more misses than that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import sqrt

from steelyard.core.facts.floor import Floor
from steelyard.core.facts.window import Window
from steelyard.core.performance.ageing import SURE_FOR
from steelyard.core.performance.capacity import full
from steelyard.core.statistics.interval import Interval
from steelyard.core.statistics.sequential import wilson
from steelyard.core.statistics.significant import significant

LEAST_WINDOWS = 4
"""A line through fewer points does not show its own spread."""
SURE = 3.0
"""Standard errors of the bound: it is looked at after every window, and what is 95 % sure once is not so in a day."""
ALIKE = 1.25
"""Times the lowest load up to which a load counts as that."""
BURSTS = 2.0
"""Times the busy part of the time that may explain misses: requests come in bursts."""
RENEWED = timedelta(hours=12)
"""Age at which a floor that is seen again gets a new date."""
LOWER = 2.0
"""Times as low a load is worth a write where nothing else is new."""
MORE = 2
"""Times as many requests are worth one too."""


@dataclass(frozen=True, slots=True)
class _Line:
    """Weighted means of load and missed part, the slope with its standard error, and the standard deviation of one request's miss."""

    load: float
    missed: float
    slope: float
    slope_error: float
    error: float

    @property
    def least(self) -> float:
        """The part that is surely missed without any load. A slope below 0 is chance: no load makes answers late."""
        return self.missed - max(0.0, self.slope + SURE * self.slope_error) * self.load - SURE * self.error


def floor_of(windows: Sequence[Window], least: int = 0) -> Floor | None:
    """The floor that these windows show; None where they are few, or replicas were full in all of them: an overload tells nothing of it.

    least: requests that its share rests on, as far as there are so many.
    """
    # What may have been good is no evidence that nothing better can be had.
    calm = [w for w in windows if w.replica_seconds > 0 and w.offered > 0 and not full(w) and not w.unsure]
    if len(calm) < LEAST_WINDOWS:
        return None
    low = _lowest(calm, least)
    asked, missed = sum(w.offered for w in low), sum(w.violations for w in low)
    lower, upper = wilson(missed, asked)
    share = 1 - missed / asked
    return Floor(
        share=Interval(significant(share), significant(min(share, 1 - upper)), significant(max(share, 1 - lower))),
        most=significant(1 - max(0.0, _line(calm).least, _beyond_waiting(low))),
        load=significant(sum(w.offered for w in low) / sum(w.replica_seconds for w in low)),
        n=asked,
        at=max(w.end for w in calm),
    )


def _lowest(windows: Sequence[Window], least: int) -> list[Window]:
    """The windows of about the lowest load, and as many above as it takes to see `least` requests."""
    rising, found = sorted(windows, key=lambda w: (_load(w), w.end)), list[Window]()
    for window in rising:
        if _load(window) > ALIKE * _load(rising[0]) and sum(w.offered for w in found) >= least:
            break
        found.append(window)
    return found


def never(floor: Floor | None, allowed: float, now: datetime) -> bool:
    """Whether the promise is known to be kept there at no load. What made answers late may be over after SURE_FOR."""
    return floor is not None and floor.keeps(allowed) is False and now - floor.at <= SURE_FOR


def missed_there(floor: Floor | None, allowed: float, load: float, now: datetime) -> bool:
    """Whether more than is allowed was surely missed there at no more than `load` (requests per second and replica). What a lower one would make of it
    may not be known."""
    return floor is not None and floor.share.upper < 1 - allowed and floor.load <= load and now - floor.at <= SURE_FOR


def remember_floor(old: Floor | None, new: Floor | None, allowed: float, least: int) -> Floor | None:
    """The floor to keep: what the old one says stands until the new one says another thing, or says it of a far lower load.

    least: requests that a floor rests on.
    """
    if new is None or new.n < least:
        return old
    if old is None or new.at - old.at > SURE_FOR or new.share.lower > old.most:
        return new  # Better than it could have been at any load: something has changed.
    said, says, near = old.keeps(allowed), new.keeps(allowed), new.load <= ALIKE * old.load
    if says is None and said is True and near and new.share.upper < old.share.lower:
        return new
    if says is None and near and new.n >= MORE * old.n:
        return new  # What there was is surer now, and so is that nobody knows what a lower load would make of it.
    if (says is not None and says != said) or (says == said and new.load * LOWER < old.load):
        return new
    return replace(old, at=new.at) if near and new.at - old.at > RENEWED else old


def _line(windows: Sequence[Window]) -> _Line:
    """Least squares, each window with the weight of its requests. The spread is what the windows show, and never less than chance."""
    told = [(w.offered, _load(w), w.violations / w.offered) for w in windows]
    weight = sum(n for n, _, _ in told)
    load = sum(n * at for n, at, _ in told) / weight
    missed = sum(w.violations for w in windows) / weight
    spread = sum(n * (at - load) ** 2 for n, at, _ in told)
    together = sum(n * (at - load) * (part - missed) for n, at, part in told)
    slope = together / spread if spread > 0 else 0.0
    left = sum(n * (part - missed - slope * (at - load)) ** 2 for n, at, part in told)
    variance = max(missed * (1 - missed), left / (len(windows) - 2), 1 / weight)
    return _Line(load, missed, slope, sqrt(variance / spread) if spread > 0 else float("inf"), sqrt(variance / weight))


def _beyond_waiting(windows: Sequence[Window]) -> float:
    """The part that is missed and not for having waited; 0 where nobody tells how busy the replicas were."""
    told = [w for w in windows if w.busy_seconds is not None]
    if len(told) < len(windows):
        return 0.0
    busy = sum(w.busy_seconds or 0.0 for w in told) / sum(w.replica_seconds for w in told)
    return wilson(sum(w.violations for w in told), sum(w.offered for w in told), SURE)[0] - BURSTS * busy


def _load(window: Window) -> float:
    return window.offered / window.replica_seconds
