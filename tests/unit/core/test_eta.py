"""When a compile will be done."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.core.compiling.eta import STEPS, remaining

SECONDS = st.floats(0, 100_000)


def test_it_is_the_median_of_those_that_took_longer() -> None:
    assert remaining(20.0, [100.0, 110.0, 120.0]) == 99, "ninety seconds are left, told in steps of a tenth of all"


def test_what_was_found_in_the_store_says_nothing_of_what_is_compiled() -> None:
    assert remaining(20.0, [1.0, 2.0, 1.0, 3.0, 100.0]) == 80


@pytest.mark.parametrize("earlier", [[], [10.0], [20.0]])
def test_what_takes_longer_than_all_before_it_has_no_end_in_sight(earlier: list[float]) -> None:
    assert remaining(20.0, earlier) is None


@given(SECONDS, st.lists(SECONDS, max_size=20))
def test_it_is_never_in_the_past_and_never_later_than_the_longest_by_more_than_a_step(elapsed: float, earlier: list[float]) -> None:
    left = remaining(elapsed, earlier)
    assert (left is None) == all(seconds <= elapsed for seconds in earlier)
    if left is not None:
        assert 0 < left <= max(earlier) - elapsed + max(10.0, max(earlier) / STEPS) + 1


@given(st.floats(1, 50_000), st.lists(SECONDS, min_size=1, max_size=20))
def test_one_compile_is_told_few_values(whole: float, earlier: list[float]) -> None:
    history = [whole, *earlier]
    told = {remaining(whole * part / 1000, [whole]) for part in range(1000)}
    assert len(told) <= STEPS + 1
    assert remaining(0.0, history) is not None
