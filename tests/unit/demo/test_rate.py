"""The rate that tells two pools apart: found from capacities, refused where there is no difference."""

from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from steelyard.cli.demo.rate import LEAST_DIFFERENCE, choose
from steelyard.core.planning.load import chance_crest

WINDOW = 10
rates = st.floats(0.5, 200, allow_nan=False)


@given(rates, st.floats(1.0, 5.0))
def test_the_slower_pool_needs_more_replicas_with_room_on_both_sides_whatever_chance_adds_to_the_load(slower: float, ratio: float):
    chosen = choose(slower, slower * ratio, 4, WINDOW)
    if chosen is None:
        assert ratio < 1.6 or slower < 20, "chance is a good deal of a small load"
        return
    mean, crest = chosen.per_second, chance_crest(chosen.per_second, WINDOW)
    assert chosen.slower > chosen.faster
    for change in (0.97, 1.03):
        assert ceil(change * mean / slower) >= chosen.slower
        assert ceil(change * crest / (slower * ratio)) == chosen.faster
        assert ceil(crest / slower) < 4, "there is room for the one that a move adds"


def test_equal_pools_show_no_difference():
    assert choose(10.0, 10.0 * LEAST_DIFFERENCE * 0.99, 4, WINDOW) is None
    assert choose(0.0, 10.0, 4, WINDOW) is None
