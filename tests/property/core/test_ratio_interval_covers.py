"""The interval of a ratio holds the truth about as often as it says: of sums over windows, and of two figures that were measured by themselves."""

import random
from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.statistics.interval import Interval, ratio_interval

RUNS = 250


def covers(windows: int, mean: float, wobble: float, remembers: float, seed: int) -> bool:
    """Windows whose traffic wobbles around its mean, with a memory of the last one, at a constant cost."""
    chance = random.Random(seed)
    state, pairs = 0.0, []
    for _ in range(windows):
        state = remembers * state + chance.gauss(0, 1)
        expected = max(1.0, mean * (1 + wobble * state))
        pairs.append((1.0, max(0.0, round(chance.gauss(expected, expected**0.5)))))
    interval = ratio_interval(pairs, random.Random(seed))
    assert interval is not None
    return interval.lower <= 1 / mean <= interval.upper


@pytest.mark.parametrize("windows", [2, 3, 4, 6, 8, 16, 30])
def test_independent_windows_are_covered_nine_times_in_ten(windows: int) -> None:
    hits = sum(covers(windows, 100, 0.1, 0.0, seed) for seed in range(RUNS))
    assert hits / RUNS >= 0.87


@pytest.mark.parametrize("windows", [4, 8, 16, 30])
def test_windows_with_a_memory_are_covered_four_times_in_five(windows: int) -> None:
    hits = sum(covers(windows, 100, 0.1, 0.5, seed) for seed in range(RUNS))
    assert hits / RUNS >= 0.78


@effort(150)
@given(st.lists(st.tuples(st.floats(0, 1000), st.integers(0, 10_000).map(float)), max_size=40), st.integers(0, 5))
def test_any_windows_have_an_ordered_interval_or_none(pairs: list[tuple[float, float]], seed: int) -> None:
    interval = ratio_interval(pairs, random.Random(seed))
    if interval is None:
        assert not sum(b for _, b in pairs) or not sum(a for a, _ in pairs) or len(pairs) >= 4
        return
    assert 0 <= interval.lower <= interval.point <= interval.upper
    assert interval == ratio_interval(pairs, random.Random(seed)), "the same chance gives the same interval"


def test_no_traffic_is_no_value() -> None:
    assert ratio_interval([], random.Random(1)) is None
    assert ratio_interval([(1.0, 0.0)] * 10, random.Random(1)) is None


def measured(true: float, spread: float, chance: random.Random) -> Interval:
    """A figure whose logarithm is off by chance, with its 95 % interval."""
    found = true * exp(chance.gauss(0, spread))
    return Interval(found, found * exp(-1.96 * spread), found * exp(1.96 * spread))


@pytest.mark.parametrize("spreads", [(0.05, 0.05), (0.1, 0.02), (0.02, 0.2)])
def test_of_two_figures_that_are_off_by_chance_the_ratio_is_covered_as_often_as_each_and_not_more_often(
    spreads: tuple[float, float],
) -> None:
    chance, runs = random.Random(1), 4_000
    pairs = [(measured(3.0, spreads[0], chance), measured(2.0, spreads[1], chance)) for _ in range(runs)]
    hits = sum(found.lower <= 1.5 <= found.upper for found in (a.by_chance_over(b) for a, b in pairs))
    assert 0.94 < hits / runs < 0.96
    outer = sum(found.lower <= 1.5 <= found.upper for found in (a.over(b) for a, b in pairs))
    assert outer > hits


def test_a_ratio_to_a_figure_that_is_certain_is_as_wide_as_the_other_and_one_that_may_be_nothing_has_its_outer_bounds() -> None:
    found = Interval(4.0, 2.0, 8.0).by_chance_over(Interval(2.0, 2.0, 2.0))
    assert (found.point, found.lower, found.upper) == (2.0, pytest.approx(1.0), pytest.approx(4.0))
    nothing = Interval(4.0, 0.0, 8.0)
    assert nothing.by_chance_over(Interval(2.0, 1.0, 4.0)) == nothing.over(Interval(2.0, 1.0, 4.0))
