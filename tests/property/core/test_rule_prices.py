"""Prices of a workload's own rules: a bound on what a mix costs with them is a bound on what it costs."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.planning.fleet.fleet import ANY
from steelyard.core.planning.fleet.rule_prices import rule_prices

POOLS = 4


@effort(300)
@given(
    first=st.lists(st.sampled_from([0.3, 1.0, 1.7, 9.0, np.inf]), min_size=POOLS, max_size=POOLS),
    capacity=st.lists(st.sampled_from([1.0, 2.0, 5.0, 8.0]), min_size=POOLS, max_size=POOLS),
    spot=st.lists(st.booleans(), min_size=POOLS, max_size=POOLS),
    percent=st.sampled_from([0, 25, 50, 100]),
    load=st.sampled_from([0.0, 3.0, 20.0]),
    maximum=st.sampled_from([1, 3, 6, ANY]),
    counts=st.lists(st.integers(0, 6), min_size=POOLS, max_size=POOLS),
)
def test_no_replica_costs_nothing_and_what_keeps_the_rules_costs_no_less_without_their_prices(
    first: list[float], capacity: list[float], spot: list[bool], percent: int, load: float, maximum: int, counts: list[int]
) -> None:
    step = np.array([100 * s - percent if percent < 100 else 0 for s in spot])
    number, price = np.array(counts), np.array(first)
    found = rule_prices(price[None], np.array([capacity]), np.array([load]), np.array([maximum]), step[None], np.zeros(1, np.int64))
    count_price, debt_price = (float(x[0]) for x in found)
    assert count_price >= 0
    assert debt_price >= 0
    usable = np.isfinite(price)
    assert (price[usable] + count_price + debt_price * step[usable] > 0).all()
    used = np.where(usable, number, 0)
    if used.sum() <= maximum and used @ step <= 0:
        without = float(used[usable] @ price[usable])
        over = count_price * (used.sum() - maximum) if count_price else 0.0
        assert without + over + debt_price * float(used @ step) <= without + 1e-9


def test_a_maximum_that_binds_makes_replicas_dearer_and_small_ones_lose() -> None:
    """One pool is cheaper for each request and would need ten replicas where five are allowed."""
    first, capacity = np.array([[1.0, 2.5]]), np.array([[1.0, 2.0]])
    none = np.zeros((1, 2), np.int64)
    count_price, _ = rule_prices(first, capacity, np.array([10.0]), np.array([5]), none, np.zeros(1, np.int64))
    small, large = (first[0] + count_price[0]) / capacity[0]
    assert small >= large - 1e-6
    free, _ = rule_prices(first, capacity, np.array([10.0]), np.array([20]), none, np.zeros(1, np.int64))
    assert free[0] < 1e-6
