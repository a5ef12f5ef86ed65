"""Cost per 1,000 good requests or per 1M tokens: a ratio of sums with a 95 % interval and n. No traffic means no value, never 0."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import sqrt

import numpy as np

PER = 1000
"""Good requests in a unit."""
PER_TOKENS = 1_000_000
BLOCK = 3
"""Windows in a bootstrap block: neighbours are correlated (a queue carries over), blocks of three keep most of that; fewer than twelve windows make smaller blocks."""
RESAMPLES = 400
LEAST_BLOCKS = 4


@dataclass(frozen=True, slots=True)
class Interval:
    """A point with its 95 % bounds. `lower <= point <= upper`."""

    point: float
    lower: float
    upper: float

    def times(self, factor: float) -> Interval:
        """Scaled by a positive factor."""
        return Interval(self.point * factor, self.lower * factor, self.upper * factor)

    def over(self, other: Interval) -> Interval:
        """Ratio of two independent positive intervals, bounds taken pessimistically (outer)."""
        return Interval(self.point / other.point, self.lower / other.upper, self.upper / other.lower)


class Unit(StrEnum):
    """What a cost is counted by (`spec.objective.unit`)."""

    GOOD_REQUESTS = "GoodRequests"
    """1,000 good requests."""
    OUTPUT_TOKENS = "OutputTokens"
    """1M generated tokens of good requests."""
    INPUT_TOKENS = "InputTokens"
    """1M prompt tokens of good requests."""

    @property
    def per(self) -> int:
        """How many make one unit."""
        return PER if self is Unit.GOOD_REQUESTS else PER_TOKENS


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one window cost and brought. Tokens are those of good requests; None where the server does not count them.

    `cost`: money; None while a price is unknown. `output_part`: fraction of the cost that making output takes, from the time that decoding
    and prefilling were busy; None where that is not known.
    """

    start: datetime
    end: datetime
    cost: float | None
    good: int
    input_tokens: int | None = None
    output_tokens: int | None = None
    output_part: float | None = None


@dataclass(frozen=True, slots=True)
class UnitCost:
    """Money per unit over [start, end], from `good` good requests and `cost` money.

    `replicas` is how many stood there, the same number in every window; None where that is not known or the number changed. Of a unit of
    tokens `tokens` is how many there were, `cost` the part of the money that they are charged, `split` whether that is a part or the whole,
    and `input_per_output` the mix without which a whole says nothing.
    """

    interval: Interval
    good: int
    cost: float
    start: datetime
    end: datetime
    replicas: int | None = None
    unit: Unit = Unit.GOOD_REQUESTS
    tokens: int | None = None
    split: bool = False
    input_per_output: float | None = None


def unit_cost(spent: Sequence[Spent], unit: Unit, chance: random.Random) -> UnitCost | None:
    """Cost of one `unit` over all windows, in order of time; None without any of it, or where a cost or a count is not known.

    The money of tokens is divided by `output_part` where every window knows it. Else either kind of token carries the whole of it: such
    figures of input and output are two views of the same money, and must not be added.
    """
    costs = [w.cost for w in spent if w.cost is not None]
    counts = [n for n in (_count(w, unit) for w in spent) if n is not None]
    if not spent or len(costs) < len(spent) or len(counts) < len(spent):
        return None
    parts = [p for p in (_part(w, unit) for w in spent) if p is not None]
    split = unit is not Unit.GOOD_REQUESTS and len(parts) == len(spent)
    charged = [cost * part for cost, part in zip(costs, parts, strict=True)] if split else costs
    interval = ratio_interval([(cost * unit.per, float(count)) for cost, count in zip(charged, counts, strict=True)], chance)
    if interval is None:
        return None
    return UnitCost(
        interval,
        sum(w.good for w in spent),
        sum(charged),
        spent[0].start,
        spent[-1].end,
        unit=unit,
        tokens=None if unit is Unit.GOOD_REQUESTS else sum(counts),
        split=split,
        input_per_output=None if unit is Unit.GOOD_REQUESTS else _mix(spent),
    )


def _count(window: Spent, unit: Unit) -> int | None:
    return {Unit.GOOD_REQUESTS: window.good, Unit.OUTPUT_TOKENS: window.output_tokens, Unit.INPUT_TOKENS: window.input_tokens}[unit]


def _part(window: Spent, unit: Unit) -> float | None:
    if window.output_part is None:
        return None
    return window.output_part if unit is Unit.OUTPUT_TOKENS else 1 - window.output_part


def _mix(spent: Sequence[Spent]) -> float | None:
    """Input tokens per output token; None where either is not known, or there is no output."""
    read = [w.input_tokens for w in spent if w.input_tokens is not None]
    made = [w.output_tokens for w in spent if w.output_tokens is not None]
    if len(read) < len(spent) or len(made) < len(spent) or not sum(made):
        return None
    return sum(read) / sum(made)


def ratio_interval(pairs: Sequence[tuple[float, float]], chance: random.Random) -> Interval | None:
    """Interval of sum(numerators) / sum(denominators) by moving-block bootstrap; None when one of them is 0.

    With fewer than LEAST_BLOCKS windows a bootstrap cannot see its own spread; the interval then is the widest that the windows
    themselves show, widened by a quarter.
    """
    top, bottom = sum(a for a, _ in pairs), sum(b for _, b in pairs)
    if bottom <= 0 or top <= 0:
        return None
    point = top / bottom
    if len(pairs) < LEAST_BLOCKS:
        ratios = [a / b for a, b in pairs if b > 0]
        # A window that cost without any traffic is in the point and has no ratio of its own.
        return Interval(point, min(point, *ratios) / 1.25, max(point, *ratios) * 1.25)
    size = min(BLOCK, max(1, len(pairs) // 4))
    sums = np.cumsum(np.vstack(([(0.0, 0.0)], pairs)), axis=0)
    blocks = sums[size:] - sums[:-size]
    # Drawn from the bytes of `chance`, whose stream is the same in every version; the modulo favours no block by more than 1 in 10,000.
    count = -(-len(pairs) // size)
    drawn = np.frombuffer(chance.randbytes(4 * RESAMPLES * count), dtype="<u4").reshape(RESAMPLES, count) % len(blocks)
    resampled = blocks[drawn].sum(axis=1)
    resampled = resampled[resampled[:, 1] > 1e-9 * bottom]
    if not len(resampled):
        return None
    draws = np.sort(resampled[:, 0] / resampled[:, 1])
    low, high = float(draws[int(0.025 * len(draws))]), float(draws[min(len(draws) - 1, int(0.975 * len(draws)))])
    wide = _widening(len(pairs), size)
    return Interval(point, min(point, point * (low / point) ** wide), max(point, point * (high / point) ** wide))


def _widening(windows: int, size: int) -> float:
    """How much too narrow the percentiles of so few windows are.

    Overlapping blocks see only 1 - size / windows of the variance, and a normal quantile stands where Student's belongs (expansion of
    Cornish and Fisher, 1937). Without it the interval of four windows covers 60 % instead of 95 %.
    """
    freedom = windows - 1
    student = 1.96 + 2.37 / freedom + 2.82 / freedom**2
    return student / 1.96 * sqrt(windows / (windows - size))
