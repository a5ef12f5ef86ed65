"""How much is asked for, and which capacity to keep for what may be asked when a replica ordered now is ready: requests per second over all
placements of a workload."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil, floor, sqrt

from steelyard.core.facts.window import Window
from steelyard.core.planning.forecast import Forecast
from steelyard.core.planning.reserve import Risk, reserve

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
PEAK_SIGMAS = 4.0
"""Chance alone lifts one window in 30,000 by this many standard deviations of a Poisson count."""


@dataclass(frozen=True, slots=True)
class Load:
    """Requests per second: in the newest window, in the busiest of the last RECENT, and their mean; `n` requests are behind it.

    peak: what one window may show at that mean by chance alone, and never less than the busiest. soon: the capacity to keep for the load when
    a replica ordered now is ready. held: the largest that `soon` was while a replica could have started and gone.
    """

    now: float
    busiest: float
    n: int
    mean: float
    peak: float
    soon: float
    held: float

    @property
    def dual(self) -> float:
        """That both ends of a move have to carry: what may come, and never less than what came lately."""
        return max(self.soon, self.busiest)

    @property
    def usual(self) -> tuple[float, ...]:
        """Capacities that are kept in the time that a move pays for: what it saves at one whole number of replicas alone is lost with the next
        change of the load."""
        return tuple(part * self.soon for part in OUTER)


def load(serving: Iterable[Sequence[Window]], past: Iterable[Sequence[Window]], risk: Risk, start: float = START) -> Load | None:
    """Sum over the placements that serve, and those that served before; None without any window of one that serves. start: seconds from the order
    of a replica until it is ready."""
    here, before = ([tuple(w for w in windows if w.seconds > 0) for windows in each] for each in (serving, past))
    newest = max((windows[-1].end for windows in here if windows), default=None)
    if newest is None:
        return None
    minutes = _minutes([w for w in (*here, *before) if w], newest)
    # What is told in part is better than what is long over.
    told = [m for m in minutes if m.whole or (m.back < LATEST and not any(w.whole for w in minutes[-LATEST:]))]
    recent = [m for m in told if m.back < RECENT] or minutes[-1:]
    mean, n = sum(m.rate for m in recent) / len(recent), sum(m.requests for m in recent)
    busiest = max(m.rate for m in recent)
    soon, held = _reserves(told or recent, risk, start)
    return Load(recent[-1].rate, busiest, n, mean, max(busiest, chance_peak(mean, recent[-1].seconds)), soon, held)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Minute:
    """One window of all placements together, `back` windows before the newest. whole: whether no placement joined or left meanwhile, whose part of
    the load is not told."""

    back: int
    requests: int
    rate: float
    seconds: float
    whole: bool


def _minutes(placements: Sequence[Sequence[Window]], newest: datetime) -> list[_Minute]:
    """The oldest first. Windows of two placements do not end together: the newest of each is matched with the newest of the others, and so on."""
    length = max(w.seconds for windows in placements for w in windows[-1:])
    each = [found for windows in placements if (found := _by_age(windows, newest, length))]
    edges = {back for mine in each for back in _edges(mine, [other for other in each if other is not mine])}
    return [
        _Minute(
            back=back,
            requests=sum(mine[back].offered for mine in each if back in mine),
            rate=sum(mine[back].offered / mine[back].seconds for mine in each if back in mine),
            seconds=length,
            whole=back not in edges,
        )
        for back in sorted({back for mine in each for back in mine}, reverse=True)
    ]


def _by_age(windows: Sequence[Window], newest: datetime, length: float) -> Mapping[int, Window]:
    last = windows[-1].end
    offset = floor((newest - last).total_seconds() / length + JITTER)
    backs = {offset + round((last - w.end).total_seconds() / length): w for w in windows}
    return {back: w for back, w in backs.items() if back < REMEMBERED}


def _edges(mine: Mapping[int, Window], others: Sequence[Mapping[int, Window]]) -> set[int]:
    """The windows in which a placement joined or left others that served."""
    joined, left = {max(mine), max(mine) + 1}, {min(mine), min(mine) - 1} if min(mine) > 0 else set()
    return {back for turn in (joined, left) if any(turn & other.keys() for other in others) for back in turn}


def _reserves(minutes: Sequence[_Minute], risk: Risk, start: float) -> tuple[float, float]:
    """(soon, held)."""
    length = minutes[-1].seconds
    lately = max(RECENT, ceil((start + DRAIN) / length))
    seen, expected = Forecast(), []
    for minute in minutes:
        mean, variance = seen.ahead_of(0.0, length)
        seen = seen.after(minute.rate * length, length)
        after, uncertain = seen.ahead_of(start, length)
        # A burst is met at once: what nobody could expect is there, whatever the level is taken for.
        burst = mean > 0 and minute.rate > mean + PEAK_SIGMAS * sqrt(variance + mean / length)
        expected.append((max(after, minute.rate) if burst else after, uncertain))
    soon = reserve(*expected[-1], risk)
    widest = max(expected[-lately:], key=lambda found: found[0] + 2 * sqrt(found[1]))
    return soon, max(soon, reserve(*widest, risk))


def chance_peak(mean: float, seconds: float) -> float:
    """Requests per second that one window of so many seconds may show by chance alone: PEAK_SIGMAS of a Poisson count above its mean."""
    return mean + PEAK_SIGMAS * sqrt(mean / seconds)
