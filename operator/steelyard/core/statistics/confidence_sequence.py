"""Bounds that may be looked at after each window: the chance that the truth is ever outside of them is what is said, however often one looks.

An interval of 95 % at a fixed n is left by the truth at one look in twenty, so one that is looked at all day is left sooner or later. The
asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas ("Time-uniform central limit theory and asymptotic confidence
sequences", Annals of Statistics 52, 2024, theorem 2.2), which needs no more than a central limit theorem does, is

    mean +- sigma * sqrt(2 (t r + 1) / (t^2 r) * log(sqrt(t r + 1) / alpha))

after t windows. r = (log(1 + 2 log(1 / alpha)) + 2 log(1 / alpha)) / t makes it narrowest at t (their appendix B.2), and there it is a multiple of the
interval at a fixed n that does not depend on t.
"""

from __future__ import annotations

from math import exp, log, sqrt
from statistics import NormalDist

from steelyard.core.statistics.interval import MOST_POWER, Interval

WRONG = 0.01
"""The chance that a word about a claim is ever wrong, however often it is looked at."""
NORMAL = 1.96
"""Standard deviations on either side that make 95 % at a fixed n."""


def widening(alpha: float) -> float:
    """How many times as wide, as an interval of 95 % at a fixed n, bounds are that the truth leaves at no look but with a chance of alpha."""
    once = 2 * log(1 / alpha)
    looked = once + log(1 + once)
    return sqrt(2 * (looked + 1) / looked * log(sqrt(looked + 1) / alpha)) / NORMAL


def always_valid(seen: Interval, alpha: float) -> Interval:
    """From an interval of 95 % of a positive figure, whose error is relative."""
    return _widened(seen, widening(alpha))


def at_one_look(seen: Interval, alpha: float) -> Interval:
    """The same of a figure that does not go on to be measured, so that it is looked at once."""
    return _widened(seen, NormalDist().inv_cdf(1 - alpha / 2) / NORMAL)


def _widened(seen: Interval, wide: float) -> Interval:
    if seen.lower <= 0 or seen.point <= 0:
        return seen
    lower, upper = (seen.point * exp(min(wide * log(end / seen.point), MOST_POWER)) for end in (seen.lower, seen.upper))
    return Interval(seen.point, lower, upper)
