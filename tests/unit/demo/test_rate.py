"""The rate that tells two pools apart: found from capacities, refused where there is no difference."""

from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from steelyard.cli.demo.rate import LEAST_DIFFERENCE, choose

rates = st.floats(0.5, 200, allow_nan=False)


@given(rates, st.floats(1.0, 5.0))
def test_the_slower_pool_needs_more_replicas_with_room_on_both_sides(slower: float, ratio: float):
    chosen = choose(slower, slower * ratio, 4)
    if chosen is None:
        assert ratio < 1.35
        return
    assert chosen.slower > chosen.faster
    for capacity, needed in ((slower, chosen.slower), (slower * ratio, chosen.faster)):
        assert ceil(chosen.per_second * 1.03 / capacity) == needed
        assert ceil(chosen.per_second * 0.97 / capacity) == needed


def test_equal_pools_show_no_difference():
    assert choose(10.0, 10.0 * LEAST_DIFFERENCE * 0.99, 4) is None
    assert choose(0.0, 10.0, 4) is None
