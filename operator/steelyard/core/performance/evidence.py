"""From windows to evidence: what is remembered of a (pool, revision), and when a new figure replaces the remembered one.

Status is written at a move's steps or when a figure changes by more than it is worth (design section 4): at constant traffic the
remembered figure stays byte for byte.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from steelyard.core.economics.unit_cost import PER, Interval, UnitCost, ratio_interval
from steelyard.core.memory import Known
from steelyard.core.performance.capacity import Capacity, measured
from steelyard.core.performance.window import Window, totals

CHANGE = 0.2
"""Relative change of a point that is worth a write."""
ENOUGH = 4
"""Times the minimum sample; beyond it a figure is renewed only when it changes."""
LATEST = 16
"""Windows that evidence is computed from."""


def evidence(pool: str, revision: str, windows: Sequence[Window], allowed: float, chance: random.Random, *, steady: bool) -> Known | None:
    """Figures from these windows alone; None without a good request."""
    used = tuple(windows)[-LATEST:]
    good, bad = totals(used)
    if good <= 0:
        return None
    priced = [(w.cost * PER, float(w.good)) for w in used if w.cost is not None]
    interval = ratio_interval(priced, chance) if len(priced) == len(used) else None
    unit = UnitCost(_round(interval), good, _digits(sum(w.cost or 0.0 for w in used), 6), used[0].start, used[-1].end) if interval else None
    capacity = measured(used, allowed, chance)
    p99 = [w.p99_milliseconds for w in used if w.p99_milliseconds is not None]
    return Known(
        pool=pool,
        revision=revision,
        capacity=Capacity(_round(capacity.rate), capacity.basis, capacity.n) if capacity else None,
        unit_cost=unit,
        within=_digits(good / (good + bad), 4),
        p99_milliseconds=_digits(sorted(p99)[len(p99) // 2], 3) if p99 else None,
        steady=steady,
    )


def remember(old: Known | None, new: Known | None, least: int) -> Known | None:
    """The figure to keep: the new one where it says something the old one does not."""
    if new is None or old is None:
        return old if new is None else new if _n(new) >= least else None
    if _n(new) < least:
        return old
    if new.steady and not old.steady:
        return new
    if old.steady and not new.steady:
        # Figures from within a move do not displace the cost of standing there; what they say of capacity is still news.
        return replace(old, capacity=new.capacity) if _moved(_rate(old), _rate(new)) else old
    grown = _n(new) >= 2 * _n(old) and _n(old) < ENOUGH * least
    if grown or _moved(_rate(old), _rate(new)) or _moved(_cost(old), _cost(new)):
        return new
    return old


def _n(known: Known) -> int:
    return max(known.unit_cost.good if known.unit_cost else 0, known.capacity.n if known.capacity else 0)


def _rate(known: Known) -> float | None:
    return known.capacity.rate.point if known.capacity else None


def _cost(known: Known) -> float | None:
    return known.unit_cost.interval.point if known.unit_cost else None


def _moved(old: float | None, new: float | None) -> bool:
    if old is None or new is None:
        return new is not None
    return abs(new - old) > CHANGE * abs(old)


def _round(interval: Interval) -> Interval:
    return Interval(_digits(interval.point, 4), _digits(interval.lower, 4), _digits(interval.upper, 4))


def _digits(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")
