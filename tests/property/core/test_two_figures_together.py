"""Two independent figures with their bounds: what their difference is, and what they say together of one."""

from __future__ import annotations

import random
from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from property.effort import THOROUGH
from steelyard.core.statistics.interval import Interval

POINTS = st.floats(0.01, 1e4)
FIGURES = st.builds(
    lambda point, below, above: Interval(point, point / (1 + below), point * (1 + above)),
    POINTS,
    st.floats(0.001, 1.0),
    st.floats(0.001, 1.0),
)
RUNS = 20_000 if THOROUGH else 4_000


@given(FIGURES, FIGURES)
def test_a_difference_lies_within_its_bounds_and_these_within_the_worst_of_both(one: Interval, other: Interval) -> None:
    found = one.less(other)
    assert found.lower <= found.point <= found.upper
    slack = 1e-9 * (one.upper + other.upper)
    assert one.lower - other.upper - slack <= found.lower
    assert found.upper <= one.upper - other.lower + slack


@given(FIGURES)
def test_from_a_figure_that_is_exact_only_the_others_doubt_is_left(one: Interval) -> None:
    found = Interval(5.0, 5.0, 5.0).less(one)
    assert (found.lower, found.upper) == pytest.approx((5.0 - one.upper, 5.0 - one.lower))


@given(FIGURES, FIGURES)
def test_two_measurements_of_one_figure_are_surer_together_in_either_order(one: Interval, other: Interval) -> None:
    found, turned = one.pooled(other), other.pooled(one)
    assert (found.lower, found.point, found.upper) == pytest.approx((turned.lower, turned.point, turned.upper))
    assert found.lower <= found.point <= found.upper
    low, high = sorted((one.point, other.point))
    assert low * (1 - 1e-9) <= found.point <= high * (1 + 1e-9)
    assert found.upper / found.lower <= min(each.upper / each.lower for each in (one, other)) * (1 + 1e-9)


@given(FIGURES)
def test_an_exact_figure_is_believed(one: Interval) -> None:
    exact = Interval(3.0, 3.0, 3.0)
    assert exact.pooled(one) == one.pooled(exact) == exact


def _held(of: str) -> float:
    """The part of runs in which 95 % bounds held the truth, of two figures of which one is twice as sure."""
    chance, held = random.Random(11), 0
    for _ in range(RUNS):
        if of == "less":
            one, other = (Interval(x, x - 1.96 * s, x + 1.96 * s) for x, s in ((chance.gauss(20, s), s) for s in (1.0, 2.0)))
            found, truth = one.less(other), 0.0
        else:
            one, other = (Interval(x, x * exp(-1.96 * s), x * exp(1.96 * s)) for x, s in ((exp(chance.gauss(0, s)), s) for s in (0.1, 0.2)))
            found, truth = one.pooled(other), 1.0
        held += found.lower <= truth <= found.upper
    return held / RUNS


@pytest.mark.parametrize("of", ["less", "pooled"])
def test_the_bounds_hold_the_truth_in_95_of_100_cases_and_not_in_99(of: str) -> None:
    assert 0.94 <= _held(of) <= 0.96
