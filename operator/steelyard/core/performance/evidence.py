"""From windows to evidence: what is remembered of a (pool, revision), and when a new figure replaces the remembered one.

Status is written at a move's steps or when a figure changes by more than it is worth (design section 4): at constant traffic the
remembered figure stays byte for byte.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import inf, log

from steelyard.core.economics.unit_cost import Interval, Spent, Unit, UnitCost, unit_cost
from steelyard.core.memory import Known
from steelyard.core.performance.ageing import SURE_FOR
from steelyard.core.performance.capacity import Capacity, measured
from steelyard.core.performance.window import Window, totals

CHANGE = 0.2
"""Relative change of a point that is worth a write."""
ENOUGH = 4
"""Times the minimum sample; beyond it a figure is renewed only when it changes."""
NOISE = 1.25
"""Times both figures' half-widths; a change within it is chance."""
RENEWED = timedelta(days=1)
"""Age at which a figure is renewed all the same, so that its date says when the place was last measured."""
LATEST = 16
"""Windows that evidence is computed from, and as many more as it takes to see `least` good requests."""


def latest(windows: Sequence[Window], least: int) -> tuple[Window, ...]:
    """The newest LATEST windows, or more of them where these hold fewer than `least` good requests."""
    first, good = len(windows), 0
    while first > 0 and (len(windows) - first < LATEST or good < least):
        first -= 1
        good += windows[first].good
    return tuple(windows[first:])


def evidence(
    pool: str, revision: str, windows: Sequence[Window], allowed: float, chance: random.Random, *, steady: bool, least: int = 0
) -> Known | None:
    """Figures from these windows alone; None without a good request."""
    used = latest(windows, least)
    good, bad = totals(used)
    if good <= 0:
        return None
    unit = unit_cost([Spent(start=w.start, end=w.end, cost=w.cost, good=w.good) for w in used], Unit.GOOD_REQUESTS, chance)
    capacity = measured(used, allowed, chance)
    p99 = [w.p99_milliseconds for w in used if w.p99_milliseconds is not None]
    return Known(
        pool=pool,
        revision=revision,
        capacity=Capacity(_round(capacity.rate), capacity.basis, capacity.n) if capacity else None,
        unit_cost=_written(unit, used) if unit else None,
        within=_digits(good / (good + bad), 4),
        p99_milliseconds=float(round(sorted(p99)[len(p99) // 2])) if p99 else None,
        steady=steady,
    )


def _written(unit: UnitCost, used: Sequence[Window]) -> UnitCost:
    """As status holds it."""
    return replace(
        unit,
        interval=_round(unit.interval),
        cost=_digits(unit.cost, 6),
        start=_milliseconds(unit.start),
        end=_milliseconds(unit.end),
        replicas=_size(used),
    )


def remember(old: Known | None, new: Known | None, least: int, carried: float | None = None) -> Known | None:
    """The figure to keep: the new one where it says something the old one does not.

    carried: the highest load per replica that the new windows kept the promise at, where it is known.
    """
    if new is None or old is None:
        return old if new is None else new if _n(new) >= least else None
    if _n(new) < least:
        return old
    if (
        old.capacity
        and not old.capacity.at_least
        and new.capacity
        and new.capacity.at_least
        and (carried or 0.0) >= old.capacity.rate.point
    ):
        # The load that broke the promise once is carried now: it was not the load's fault, and the limit is unknown again.
        return new if new.steady or not old.steady else replace(old, capacity=new.capacity)
    late = _later(old, new)
    # What was carried weeks ago binds no new figure.
    new = replace(new, capacity=_capacity(old.capacity, new.capacity, carried if late <= SURE_FOR else None))
    if (new.steady and not old.steady) or late > (RENEWED if new.steady or not old.steady else SURE_FOR):
        return new
    if old.steady and not new.steady:
        # Figures from within a move do not displace the cost of standing there; what they say of capacity is still news.
        return replace(old, capacity=new.capacity) if _moved(_rate(old), _rate(new)) else old
    grown = _n(new) >= 2 * _n(old) and _n(old) < ENOUGH * least
    if grown or _resized(old.unit_cost, new.unit_cost) or _moved(_rate(old), _rate(new)) or _moved(_cost(old), _cost(new)):
        return new
    return old


def _capacity(old: Capacity | None, new: Capacity | None, carried: float | None) -> Capacity | None:
    """A smaller load carried does not shrink what was carried before; a higher figure has to be earned by a load that reaches the old one.

    Else a capacity that was learnt from a broken promise is forgotten when its windows are, and replicas go down to break it again.
    """
    if old is None or new is None:
        return old if new is None else new
    if new.at_least and new.rate.point <= old.rate.point:
        return old
    if carried is not None and new.rate.point > old.rate.point and carried < old.rate.point:
        return old
    return new


def _later(old: Known, new: Known) -> timedelta:
    """How much later the new figure was measured; none where either has no date."""
    if old.unit_cost is None or new.unit_cost is None:
        return timedelta(0)
    return new.unit_cost.end - old.unit_cost.end


def _n(known: Known) -> int:
    return max(known.unit_cost.good if known.unit_cost else 0, known.capacity.n if known.capacity else 0)


def _rate(known: Known) -> Interval | None:
    if known.capacity is None:
        return None
    rate = known.capacity.rate
    # A carried load is exact; its wide interval is about what lies above it.
    return Interval(rate.point, rate.point, rate.point) if known.capacity.at_least else rate


def _cost(known: Known) -> Interval | None:
    return known.unit_cost.interval if known.unit_cost else None


def _size(windows: Sequence[Window]) -> int | None:
    sizes = {round(w.replicas) for w in windows}
    return sizes.pop() if len(sizes) == 1 else None


def _resized(old: UnitCost | None, new: UnitCost | None) -> bool:
    """Whether both sizes are known and differ: what two replicas cost is no estimate of what three cost, however wide its interval."""
    return old is not None and new is not None and None not in {old.replicas, new.replicas} and old.replicas != new.replicas


def _moved(old: Interval | None, new: Interval | None) -> bool:
    """Whether the point changed by more than CHANGE and by more than chance explains."""
    if old is None or new is None:
        return old is None and new is not None
    if old.point <= 0 or new.point <= 0:
        return old.point != new.point
    change = abs(log(new.point / old.point))
    return change > log(1 + CHANGE) and change > NOISE * (_spread(old) + _spread(new))


def _spread(interval: Interval) -> float:
    return log(interval.upper / interval.lower) / 2 if interval.lower > 0 else inf


def _round(interval: Interval) -> Interval:
    return Interval(_digits(interval.point, 4), _digits(interval.lower, 4), _digits(interval.upper, 4))


def _digits(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


def _milliseconds(moment: datetime) -> datetime:
    """Status holds milliseconds: what is remembered must survive being written and read."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
