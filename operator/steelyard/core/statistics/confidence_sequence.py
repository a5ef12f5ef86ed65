"""Bounds that may be looked at after each window: the chance that the truth is ever beyond a given one of them is what is said, however often one looks.

An interval of 95 % at a fixed n is left by the truth at one look in twenty, so one that is looked at all day is left sooner or later. A word is wrong
on one side alone: a claim that is false is never wrongly refuted. So each bound has the whole chance to itself. The mean of n windows, in its own
standard deviations, goes beyond c at any look between n = 1 and n = m with a chance of about

    phi(c) / 2 * ((c - 1 / c) * log(m) + 4 / c)

(phi: the normal density; Miller and Siegmund, "Maximally selected chi square statistics", Biometrics 38, 1982, for both sides of a path that is looked
at all the time, which windows are not). What is known of traffic is in the windows that are kept (`window.KEPT`), so m is their number. A mixture that
holds without an end (Robbins, "Statistical methods related to the law of the iterated logarithm", 1970) is nowhere narrower than this.
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, log
from statistics import NormalDist

from steelyard.core.statistics.interval import MOST_POWER, Interval

WRONG = 0.01
"""The chance that a word about a claim is ever wrong, however often it is looked at."""
NORMAL = 1.96
"""Standard deviations on either side that make 95 % at a fixed n."""
LOOKS = 64
"""Windows that a figure rests on at most: those that are kept of a placement."""
_STEPS = 40


@lru_cache(maxsize=8)
def widening(alpha: float) -> float:
    """How many times as far off as an end of an interval of 95 % at a fixed n a bound is that the truth is beyond at no look but with a chance of alpha."""
    near, far = 1.0, 9.0
    for _ in range(_STEPS):
        middle = (near + far) / 2
        near, far = (middle, far) if _beyond(middle) > alpha else (near, middle)
    return far / NORMAL


def _beyond(c: float) -> float:
    """The chance that the truth is ever further off than c standard deviations, on one side."""
    return NormalDist().pdf(c) / 2 * ((c - 1 / c) * log(LOOKS) + 4 / c)


def always_valid(seen: Interval, alpha: float) -> Interval:
    """From an interval of 95 % of a positive figure, whose error is relative."""
    return _widened(seen, widening(alpha))


def at_one_look(seen: Interval, alpha: float) -> Interval:
    """The same of a figure that does not go on to be measured, so that it is looked at once."""
    return _widened(seen, NormalDist().inv_cdf(1 - alpha) / NORMAL)


def _widened(seen: Interval, wide: float) -> Interval:
    if seen.lower <= 0 or seen.point <= 0:
        return seen
    lower, upper = (seen.point * exp(min(wide * log(end / seen.point), MOST_POWER)) for end in (seen.lower, seen.upper))
    return Interval(seen.point, lower, upper)
