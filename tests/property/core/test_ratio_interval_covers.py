"""The interval of a ratio holds the truth about as often as it says."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.statistics.interval import ratio_interval

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
