"""How much is asked for, and which capacity to keep for what may be asked when a replica ordered now is ready: requests per second over all
placements of a workload."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, pairwise
from math import ceil, floor, sqrt
from typing import NamedTuple

import numpy as np

from steelyard.core.facts.rises import Rises
from steelyard.core.facts.window import Window
from steelyard.core.facts.window_table import EPOCH, Asked, WindowTable
from steelyard.core.planning.forecast import DRIFT, Forecast
from steelyard.core.planning.reserve import Risk, reserve
from steelyard.core.planning.rises import risen

START, DRAIN = 120.0, 30.0
"""Seconds from order to ready, and from the last request to the end, where none has been seen."""
OUTER = (0.75, 1.0, 1.0, 1.0, 4 / 3)
"""Parts of the present need that a day of load goes through: most of it near the present one, some a third above and below."""
REMEMBERED = 64
"""Windows that a forecast is learnt from."""
JITTER = 1e-3
"""Part of a window by which the ends of two may differ and be the same moment."""
RECENT = 5
"""Windows that sizing looks back over; going down waits for the busiest of them to pass (HPA's stabilisation, in windows)."""
LATEST = 2
"""Windows without a whole one after which those that are told in part count."""
MICROSECONDS = 1e6
"""In a second."""
RISING, RISE_SIGMAS = (4, 8), 2.0
"""Windows whose slope is a rise of the load, where it is more than so many standard deviations of what chance makes of it."""
PEAK_SIGMAS = 4.0
"""Chance alone lifts one window in 30,000 by this many standard deviations of a Poisson count."""


class Rates(NamedTuple):
    """Requests per second of windows of `length` seconds, the oldest first, of which the newest `unbroken` are all that there were; `learnt`: the
    forecast before each of them, and after the last; what may be missed, seconds from the order of a replica until it is ready, how the load rose in the
    days before, and when the newest window ended. `gaps`: (place, how many are missing before it)."""

    each: Sequence[float]
    learnt: Sequence[Forecast]
    unbroken: int
    length: float
    risk: Risk
    start: float
    rises: Rises | None
    end: datetime
    gaps: Sequence[tuple[int, int]] = ()

    @property
    def loads(self) -> list[float]:
        """Requests per second in each window, or the level that was forecast from it where that is more."""
        return [max(rate, seen.level or 0.0) for rate, seen in zip(self.each, self.learnt[1:], strict=True)]

    def slope(self, at: int) -> float:
        """Requests per second by which the load surely rose each second, after that window."""
        return _rise(self.each[max(0, at + 1 - RISING[-1]) : at + 1], self.length, self.learnt[at + 1].dispersion)

    def times_kept(self, start: float, busy: float, each: float) -> float:
        """Capacity to keep for one request per second as days have shown it, where a replica takes so many seconds to start, and is busy for that part of
        its time at its capacity; 1 where the load never rose. What the last hour taught is left out: a pool is not chosen for an hour."""
        load = max(self.each[-1], self.learnt[-1].level or 0.0, 1 / self.length)
        rising = risen(self.rises, start + self.length, load, self.end)
        return 1.0 if rising is None else reserve(load, DRIFT * start * load**2, self.risk.usually(busy, each), rising) / load


@dataclass(frozen=True, slots=True)
class Load:
    """Requests per second: in the newest window, in the busiest of the last RECENT, and their mean; `n` requests are behind it.

    peak: what one window may show at that mean by chance alone, and never less than the busiest. soon: the capacity to keep for the load when
    a replica ordered now is ready. held: the largest that `soon` was while a replica could have started and gone. rates: of all windows that are
    remembered, the newest last.
    """

    now: float
    busiest: float
    n: int
    mean: float
    peak: float
    soon: float
    held: float
    rates: Rates

    @property
    def dual(self) -> float:
        """That both ends of a move have to carry: what may come, and never less than what came lately."""
        return max(self.soon, self.busiest)

    @property
    def usual(self) -> tuple[float, ...]:
        """Capacities that are kept in the time that a move pays for: what it saves at one whole number of replicas alone is lost with the next
        change of the load."""
        return tuple(part * self.soon for part in OUTER)

    def most_within(self, seconds: float) -> float | None:
        """The largest that `soon` was within so many seconds; None where the load is not known for as long: in a window in which a placement joined or
        left it may have been any."""
        windows = ceil(seconds / self.rates.length)
        return None if self.rates.unbroken < windows else _largest(self.rates, windows, self.soon)


def load(
    serving: Iterable[Sequence[Window]], past: Iterable[Sequence[Window]], risk: Risk, start: float = START, rises: Rises | None = None
) -> Load | None:
    """Sum over the placements that serve, and those that served before; None without any window of one that serves. start: seconds from the order
    of a replica until it is ready. rises: as they were last counted."""
    here, before = ([asked for windows in each if len((asked := WindowTable.of(windows).asked()).end)] for each in (serving, past))
    if not here:
        return None
    placements = (*here, *before)
    length = max(float(asked.seconds[-1]) for asked in placements)
    newest = max(int(asked.end[-1]) for asked in here)
    minutes = _minutes(placements, newest, length)
    # What is told in part is better than what is long over.
    latest_are_told = any(m.whole for m in minutes[-LATEST:])
    told = [m for m in minutes if m.whole or (m.back < LATEST and not latest_are_told)]
    recent = [m for m in told if m.back < RECENT] or minutes[-1:]
    mean, n = sum(m.rate for m in recent) / len(recent), sum(m.requests for m in recent)
    busiest = max(m.rate for m in recent)
    unbroken = next((age for age, m in enumerate(reversed(told)) if m.back != age), len(told))
    each, gaps = [m.rate for m in told or recent], _gaps(told or recent)
    learnt = list(accumulate(each, lambda seen, rate: seen.after(rate * length, length), initial=Forecast()))
    rates = Rates(each, learnt, unbroken, length, risk, start, rises, EPOCH + timedelta(microseconds=newest), gaps)
    soon = _reserve(rates, *_expected(rates, len(each) - 1))
    held = _largest(rates, max(RECENT, ceil((start + DRAIN) / length)), soon)
    return Load(recent[-1].rate, busiest, n, mean, max(busiest, chance_peak(mean, length)), soon, held, rates)


class _Minute(NamedTuple):
    """One window of all placements together, `back` windows before the newest. whole: whether no placement joined or left meanwhile, whose part of
    the load is not told."""

    back: int
    requests: int
    rate: float
    whole: bool


def _minutes(placements: Sequence[Asked], newest: int, length: float) -> list[_Minute]:
    """The oldest first. Windows of two placements do not end together: the newest of each is matched with the newest of the others, and so on.
    newest: the end of the newest, in microseconds; length: of a window, in seconds."""
    each = [found for asked in placements if (found := _by_age(asked, newest, length))]
    edges = {back for mine in each for back in _edges(mine, [other.keys() for other in each if other is not mine])}
    requests: dict[int, int] = {}
    rates: dict[int, float] = {}
    for mine in each:
        for back, (count, rate) in mine.items():
            requests[back], rates[back] = requests.get(back, 0) + count, rates.get(back, 0.0) + rate
    return [_Minute(back, requests[back], rates[back], back not in edges) for back in sorted(rates, reverse=True)]


def _gaps(minutes: Sequence[_Minute]) -> tuple[tuple[int, int], ...]:
    """(place, how many are missing before it)."""
    missing = [one.back - other.back - 1 for one, other in pairwise(minutes)]
    return tuple((place, count) for place, count in enumerate(missing, 1) if count)


def _by_age(asked: Asked, newest: int, length: float) -> Mapping[int, tuple[int, float]]:
    """(requests, rate) by age in windows; of two windows of one age the later."""
    last = int(asked.end[-1])
    backs = floor((newest - last) / MICROSECONDS / length + JITTER) + np.rint((last - asked.end) / MICROSECONDS / length).astype(np.int64)
    kept = backs < REMEMBERED
    told = zip(asked.offered[kept].tolist(), (asked.offered / asked.seconds)[kept].tolist(), strict=True)
    return dict(zip(backs[kept].tolist(), told, strict=True))


def _edges(mine: Collection[int], others: Sequence[Set[int]]) -> Iterable[int]:
    """The windows in which a placement joined or left others that served."""
    joined, left = {max(mine), max(mine) + 1}, {min(mine), min(mine) - 1} if min(mine) > 0 else set()
    return {back for turn in (joined, left) if any(turn & other for other in others) for back in turn}


def _largest(of: Rates, lately: int, soon: float) -> float:
    """The largest capacity to keep within so many windows. soon: the one to keep now."""
    expected = [_expected(of, at) for at in range(max(0, len(of.each) - lately), len(of.each))]
    widest = max(expected, key=lambda found: found[0] + 2 * sqrt(found[1]))
    return soon if widest == expected[-1] else max(soon, _reserve(of, *widest))


def _reserve(of: Rates, mean: float, variance: float) -> float:
    """With what may come though nothing foretells it until a replica that is ordered a window later is ready."""
    return reserve(mean, variance, of.risk, risen(of.rises, of.start + of.length, mean, of.end))


def _expected(of: Rates, at: int) -> tuple[float, float]:
    """(mean, variance) of the load when a replica that is ordered after that window is ready."""
    rate, length, seen = of.each[at], of.length, of.learnt[at + 1]
    mean, variance = of.learnt[at].ahead_of(0.0, length)
    after, uncertain = seen.ahead_of(of.start, length)
    # A burst is met at once: what nobody could expect is there, whatever the level is taken for.
    burst = mean > 0 and rate > mean + PEAK_SIGMAS * sqrt(variance + mean / length)
    # A rise goes on until a replica that is ordered for it is ready.
    rise = of.slope(at) * (of.start + length)
    return max(after, rate + rise) if burst or rise > 0 else after, uncertain


def _rise(rates: Sequence[float], length: float, dispersion: float) -> float:
    """Requests per second by which the load surely rises each second, the last windows taken in several numbers: a steep rise is seen in few of them,
    one that chance hides there in more."""
    return max((_slope(rates[-many:], length, dispersion) for many in RISING if len(rates) >= many), default=0.0)


def _slope(rates: Sequence[float], length: float, dispersion: float) -> float:
    """The slope of these windows, less RISE_SIGMAS of what chance makes of one, and never more than without its largest step: a jump is over within
    a window, a rise goes on."""
    ages = np.arange(len(rates)) - (len(rates) - 1) / 2
    squares = float((ages**2).sum())
    slope = float(ages @ np.array(rates)) / squares
    chance = sqrt(max(1.0, dispersion) * max(sum(rates) / len(rates), 1 / length) / length / squares)
    steps = sorted(after - before for before, after in pairwise(rates))
    usual = sum(steps[:-1]) / (len(steps) - 1)
    return max(0.0, min(slope - RISE_SIGMAS * chance, usual)) / length


def chance_peak(mean: float, seconds: float) -> float:
    """Requests per second that one window of so many seconds may show by chance alone: PEAK_SIGMAS of a Poisson count above its mean."""
    return mean + PEAK_SIGMAS * sqrt(mean / seconds)
