"""A figure with its 95 % bounds, and the interval of a ratio of sums."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, hypot, log, sqrt

import numpy as np

BLOCK = 3
"""Windows in a bootstrap block: neighbours are correlated (a queue carries over), blocks of three keep most of that; fewer than twelve windows make smaller blocks."""
RESAMPLES = 400
MOST_POWER = 700.0
"""Of e, that a float can hold."""
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

    def by_chance_over(self, other: Interval) -> Interval:
        """The ratio of two independent positive figures whose errors are by chance: its bounds lie as far off as both are likely to be together, as
        of `less`, in logarithms, since their errors are relative."""
        if min(self.lower, other.lower) <= 0:
            return self.over(other)
        point = self.point / other.point
        below = hypot(log(self.point / self.lower), log(other.upper / other.point))
        above = hypot(log(self.upper / self.point), log(other.point / other.lower))
        return Interval(point, point * exp(-below), point * exp(min(above, MOST_POWER)))

    def less(self, other: Interval) -> Interval:
        """The difference of two independent figures. Its bounds lie as far off as the errors of both are likely to be together, not as if each were at
        its worst (Zou and Donner, Construction of confidence limits about effect measures, 2008)."""
        point = self.point - other.point
        below, above = hypot(self.point - self.lower, other.upper - other.point), hypot(self.upper - self.point, other.point - other.lower)
        return Interval(point, point - below, point + above)

    def pooled(self, other: Interval) -> Interval:
        """What two independent measurements of one positive figure say together: the surer one counts for more, by the inverse square of its width
        (Cochran, The combination of estimates from different experiments, 1954), in logarithms."""
        widths = [log(each.upper / each.lower) for each in (self, other)]
        if 0.0 in widths:
            return (self, other)[widths.index(0.0)]
        weights = [4 / width**2 for width in widths]
        point = exp((weights[0] * log(self.point) + weights[1] * log(other.point)) / sum(weights))
        reach = exp(1 / sqrt(sum(weights)))
        return Interval(point, point / reach, point * reach)


def lowest(figures: Sequence[Interval]) -> Interval:
    """Of several of which each is a bound."""
    return Interval(min(each.point for each in figures), min(each.lower for each in figures), min(each.upper for each in figures))


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
    sums = np.cumsum(np.array([(0.0, 0.0), *pairs]), axis=0)
    # A pair as one complex number: one draw and one sum for both of its parts.
    blocks = (sums[size:] - sums[:-size]).view(np.complex128)[:, 0]
    # Drawn from the bytes of `chance`, whose stream is the same in every version; the modulo favours no block by more than 1 in 10,000.
    count = -(-len(pairs) // size)
    drawn = np.frombuffer(chance.randbytes(4 * RESAMPLES * count), dtype="<u4").reshape(RESAMPLES, count) % len(blocks)
    resampled = blocks.take(drawn.T).sum(axis=0)
    resampled = resampled[resampled.imag > 1e-9 * bottom]
    if not len(resampled):
        return None
    draws = np.sort(resampled.real / resampled.imag)
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
