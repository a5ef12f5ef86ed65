"""What autoscalers that know nothing of each other may follow: as planned, and nothing is given up before what replaces it serves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from steelyard.core.planning.signal import signal

COUNTS = st.dictionaries(st.sampled_from("abc"), st.integers(0, 9))


def test_one_pool_is_told_what_is_planned() -> None:
    assert signal({"a": 2}, {"a": 4}, {"a": 4}) == {"a": 2}
    assert signal({"a": 6}, {"a": 4}, {"a": 4}) == {"a": 6}


def test_a_pool_keeps_what_it_has_until_the_other_serves() -> None:
    assert signal({"b": 3}, {"a": 4, "b": 3}, {"a": 4, "b": 2}) == {"a": 4, "b": 3}
    assert signal({"b": 3}, {"a": 4, "b": 3}, {"a": 4, "b": 3}) == {"a": 0, "b": 3}


@given(COUNTS, COUNTS)
def test_followed_to_its_end_it_is_the_plan_and_no_step_serves_less_than_the_smaller_of_before_and_after(
    plan: dict[str, int], standing: dict[str, int]
) -> None:
    least = min(sum(plan.values()), sum(standing.values()))
    for _ in range(3):
        # Whoever follows it takes away at once, and what is added serves at the next look.
        asked = signal(plan, standing, standing)
        serving = {pool: min(n, standing.get(pool, 0)) for pool, n in asked.items()}
        assert sum(serving.values()) >= least
        standing = dict(asked)
    assert {pool: n for pool, n in standing.items() if n} == {pool: n for pool, n in plan.items() if n}
