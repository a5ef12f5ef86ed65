"""Bounds that hold at every look are left by the truth as seldom as they say, and those of a fixed n are not."""

from __future__ import annotations

from math import exp, log, sqrt

import numpy as np
import pytest

from steelyard.core.statistics.confidence_sequence import NORMAL, WRONG, always_valid, at_one_look, widening
from steelyard.core.statistics.interval import MOST_POWER, Interval

RUNS, LOOKS, FIRST = 2_000, 64, 16


def left(alpha: float | None) -> float:
    """The part of runs in which the truth, 1, is outside of the bounds at any look at the mean of so many windows so far."""
    chance = np.random.default_rng(7)
    logs = np.cumsum(chance.normal(0.0, 0.2, (RUNS, LOOKS)), axis=1) / np.arange(1, LOOKS + 1)
    found = 0
    for run in logs:
        for n in range(FIRST, LOOKS + 1):
            half = NORMAL * 0.2 / sqrt(n)
            seen = Interval(exp(run[n - 1]), exp(run[n - 1] - half), exp(run[n - 1] + half))
            bounds = seen if alpha is None else always_valid(seen, alpha)
            if not bounds.lower <= 1.0 <= bounds.upper:
                found += 1
                break
    return found / RUNS


@pytest.mark.parametrize("alpha", [0.01, 0.05])
def test_the_truth_leaves_them_at_no_look_but_with_the_chance_that_is_said(alpha: float) -> None:
    assert left(alpha) <= alpha


def test_an_interval_of_a_fixed_n_is_left_by_far_more_runs_than_one_in_twenty() -> None:
    assert left(None) > 0.1


def test_the_surer_the_wider_and_the_point_stays() -> None:
    seen = Interval(2.0, 1.6, 2.4)
    sure, surer = always_valid(seen, 0.05), always_valid(seen, 0.01)
    assert surer.lower < sure.lower < seen.lower < seen.point == surer.point < seen.upper < sure.upper < surer.upper
    assert widening(0.05) == pytest.approx(1.55, abs=0.01)
    assert widening(0.01) == pytest.approx(1.82, abs=0.01)


def test_what_may_be_nothing_stays_so() -> None:
    assert always_valid(Interval(1.0, 0.0, 2.0), 0.01) == Interval(1.0, 0.0, 2.0)


def test_what_is_looked_at_once_needs_no_more_than_its_quantile() -> None:
    seen = Interval(10.0, 8.0, 12.5)
    once, always = at_one_look(seen, 0.01), always_valid(seen, 0.01)
    assert always.lower < once.lower < seen.lower
    assert seen.upper < once.upper < always.upper
    assert log(once.upper / 10.0) == pytest.approx(2.576 / 1.96 * log(1.25), rel=1e-3)


def test_bounds_that_are_as_far_apart_as_a_status_can_say_are_no_error() -> None:
    wide = Interval(1.0, 1e-300, 1e300)
    assert wide.by_chance_over(wide).upper == pytest.approx(exp(MOST_POWER))
    assert always_valid(wide, WRONG).upper == pytest.approx(exp(MOST_POWER))
