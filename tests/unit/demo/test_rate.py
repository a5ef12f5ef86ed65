"""The rate that tells two pools apart, found from capacities; and the one that either carries, where they are alike."""

from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from demo.rate import LEAST_DIFFERENCE, ROOM, alike, apart
from steelyard.core.planning.load import chance_peak

WINDOW = 10
rates = st.floats(0.5, 200, allow_nan=False)


@given(rates, st.floats(1.0, 5.0))
def test_the_slower_pool_needs_more_replicas_with_room_on_both_sides_whatever_chance_adds_to_the_load(slower: float, ratio: float):
    chosen = apart(slower, slower * ratio, 4, WINDOW)
    if chosen is None:
        assert ratio < 1.6 or slower < 20, "chance is a good deal of a small load"
        return
    mean, peak = chosen.per_second, chance_peak(chosen.per_second, WINDOW)
    assert chosen.slower > chosen.faster
    for change in (0.97, 1.03):
        assert ceil(change * mean / slower) >= chosen.slower
        assert ceil(change * peak / (slower * ratio)) == chosen.faster
        assert ceil(peak / slower) < 4, "there is room for the one that a move adds"


def test_pools_that_are_too_alike_are_told_apart_by_no_rate():
    assert apart(10.0, 10.0 * LEAST_DIFFERENCE * 0.99, 4, WINDOW) is None
    assert apart(0.0, 10.0, 4, WINDOW) is None


@given(rates)
def test_where_pools_are_alike_one_replica_of_either_carries_the_load_with_room_for_chance_and_no_more(slower: float):
    chosen = alike(slower, WINDOW)
    assert (chosen.slower, chosen.faster) == (1, 1)
    assert chance_peak(chosen.per_second, WINDOW) * (1 + ROOM) <= slower * (1 + 1e-9)
    assert chance_peak(1.02 * chosen.per_second, WINDOW) * (1 + ROOM) > slower, "a larger load would have no room"
