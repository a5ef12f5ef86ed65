"""Of a fleet: bound <= optimum <= plan, and a plan keeps every limit, against every placement there is; recomputed without the solver."""

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.core.planning.fleet import WIDEST, Fleet
from steelyard.core.planning.fleet_plan import share_pools
from steelyard.core.planning.mixes import mixes

CAPACITIES = [0.0, 2.0, 3.0, 5.0, 8.0]
COSTS = [0.3, 1.0, 1.0, 1.7, 2.4]
MOST = 4


@st.composite
def fleets(draw: st.DrawFn, workloads: int, pools: int, limits: bool) -> Fleet:
    """Small enough to be walked whole; equal costs and exact multiples are as likely as they are awkward."""

    def matrix(values: st.SearchStrategy[float]) -> np.ndarray:
        return np.array(draw(st.lists(st.lists(values, min_size=pools, max_size=pools), min_size=workloads, max_size=workloads)))

    cost = matrix(st.sampled_from(COSTS))
    return Fleet(
        load=np.array(draw(st.lists(st.sampled_from([0.0, 1.0, 4.0, 6.5, 9.0, 15.0]), min_size=workloads, max_size=workloads))),
        least=np.array(draw(st.lists(st.integers(0, 2), min_size=workloads, max_size=workloads))),
        capacity=matrix(st.sampled_from(CAPACITIES)),
        cost=cost,
        devices=matrix(st.sampled_from([0.5, 1.0, 2.0])),
        limit=np.array([float(draw(st.integers(0, 8))) if limits else np.inf for _ in range(pools)]),
        current=matrix(st.integers(0, 3)).astype(np.int64),  # type: ignore[arg-type]
        added=cost * draw(st.sampled_from([0.0, 0.2])),
        most=np.full((workloads, pools), MOST, dtype=np.int64),
    )


def placements(fleet: Fleet, workload: int) -> list[tuple[int, ...]]:
    """Every one that carries the load within the workload's own limits."""
    found = []
    for counts in product(range(MOST + 1), repeat=fleet.pools):
        used = [p for p, n in enumerate(counts) if n]
        if len(used) > WIDEST or sum(counts) < fleet.least[workload] or any(fleet.capacity[workload, p] == 0 for p in used):
            continue
        if sum(n * fleet.capacity[workload, p] for p, n in enumerate(counts)) >= fleet.load[workload]:
            found.append(counts)
    return found


def money(fleet: Fleet, workload: int, counts: tuple[int, ...]) -> float:
    each = zip(counts, fleet.cost[workload], fleet.current[workload], fleet.added[workload], strict=True)
    return float(sum(n * cost + max(0, n - now) * added for n, cost, now, added in each))


@settings(max_examples=200, deadline=None)
@given(fleet=fleets(workloads=3, pools=4, limits=False), prices=st.lists(st.sampled_from([0.0, 0.4, 1.3]), min_size=4, max_size=4))
def test_the_mixes_of_every_workload_have_the_least_cost_at_any_prices(fleet: Fleet, prices: list[float]) -> None:
    found = mixes(fleet, np.array(prices))
    for workload in range(fleet.workloads):
        priced = [money(fleet, workload, c) + float(np.dot(prices, c * fleet.devices[workload])) for c in placements(fleet, workload)]
        if not priced:
            assert not found.exact[workload]
            continue
        assert found.bound[workload] <= min(priced) + 1e-6
        if found.exact[workload]:
            assert abs(found.bound[workload] - min(priced)) < 1e-6
        mine = [tuple(int(n) for n in r) for r in found.replicas[found.row == workload]]
        assert set(mine) <= set(placements(fleet, workload))


@settings(max_examples=200, deadline=None)
@given(fleet=fleets(workloads=2, pools=3, limits=True))
def test_a_plan_keeps_all_limits_and_the_optimum_lies_between_its_bound_and_its_cost(fleet: Fleet) -> None:
    every = [placements(fleet, w) or [(0,) * fleet.pools] for w in range(fleet.workloads)]
    optimum = np.inf
    for chosen in product(*every):
        taken = sum(np.array(c) * fleet.devices[w] for w, c in enumerate(chosen))
        if (taken <= fleet.limit + 1e-9).all():
            optimum = min(optimum, sum(money(fleet, w, c) for w, c in enumerate(chosen)))
    found = share_pools(fleet)
    if found is None:
        return
    assert set(found.without) == {w for w in range(fleet.workloads) if not placements(fleet, w)}
    assert ((found.replicas * fleet.devices).sum(axis=0) <= fleet.limit + 1e-6).all()
    for workload, counts in enumerate(found.replicas):
        assert tuple(int(n) for n in counts) in every[workload]
    assert abs(found.cost - sum(money(fleet, w, tuple(c)) for w, c in enumerate(found.replicas))) < 1e-6
    assert found.bound <= optimum + 1e-6
    assert optimum <= found.cost + 1e-6


@settings(max_examples=100, deadline=None)
@given(fleet=fleets(workloads=3, pools=4, limits=False))
def test_where_nothing_is_short_everyone_has_his_optimum_and_the_bound_is_met(fleet: Fleet) -> None:
    found = share_pools(fleet)
    assert found is not None
    least = [min(money(fleet, w, c) for c in every) for w in range(fleet.workloads) if (every := placements(fleet, w))]
    assert abs(found.cost - sum(least)) < 1e-6
    assert found.gap < 1e-6


def test_what_is_short_goes_to_whom_it_saves_most_and_has_a_price() -> None:
    """Two workloads want the one device of pool 0; the second saves more by it."""
    fleet = Fleet(
        load=np.array([1.0, 1.0]), least=np.array([1, 1]), capacity=np.full((2, 2), 1.0), cost=np.array([[1.0, 2.0], [1.0, 5.0]]),
        devices=np.ones((2, 2)), limit=np.array([1.0, np.inf]), current=np.zeros((2, 2), np.int64), added=np.zeros((2, 2)),
        most=np.full((2, 2), 3, np.int64),
    )  # fmt: skip
    found = share_pools(fleet)
    assert found is not None
    assert found.replicas.tolist() == [[0, 1], [1, 0]]
    assert 1.0 <= found.prices[0] <= 4.0
    assert found.gap < 0.01


def test_combinations_are_not_walked_twice() -> None:
    """A mix of three pools is one column, in whatever order its pools were added."""
    pools = 4
    fleet = Fleet(
        load=np.array([20.0]), least=np.array([0]), capacity=np.full((1, pools), 3.0), cost=np.array([[1.0, 1.01, 1.02, 1.03]]),
        devices=np.ones((1, pools)), limit=np.full(pools, np.inf), current=np.zeros((1, pools), np.int64), added=np.zeros((1, pools)),
        most=np.full((1, pools), 3, np.int64),
    )  # fmt: skip
    found = mixes(fleet, np.zeros(pools))
    assert len({tuple(r) for r in found.replicas}) == len(found.replicas)
    assert list(found.replicas[0]) == [3, 3, 1, 0]
    assert all(sum(n > 0 for n in r) <= WIDEST for r in found.replicas)
