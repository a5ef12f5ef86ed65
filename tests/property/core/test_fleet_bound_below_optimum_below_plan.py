"""Of a fleet: bound <= optimum <= plan, and a plan keeps every limit, against every placement there is; recomputed without the solver."""

from dataclasses import replace
from itertools import product
from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.planning.fleet import exact
from steelyard.core.planning.fleet.effort import Effort
from steelyard.core.planning.fleet.fleet import WIDEST, Fleet
from steelyard.core.planning.fleet.integer_program import Known, place
from steelyard.core.planning.fleet.outcome import FleetInfeasible, FleetPlanned, FleetUndecided
from steelyard.core.planning.fleet.pricing import mixes, search_mixes
from steelyard.core.planning.fleet.solve import share_pools

CAPACITIES = [0.0, 2.0, 3.0, 5.0, 8.0]
COSTS = [0.3, 1.0, 1.0, 1.7, 2.4]
MOST = 4
TIGHT = 1e-6


@st.composite
def fleets(draw: st.DrawFn, workloads: int, pools: int, limits: bool, rules: bool = False) -> Fleet:
    """Small enough to be walked whole; equal costs and exact multiples are as likely as they are awkward."""

    def matrix(values: st.SearchStrategy[float]) -> np.ndarray:
        return np.array(draw(st.lists(st.lists(values, min_size=pools, max_size=pools), min_size=workloads, max_size=workloads)))

    def each(values: st.SearchStrategy[object], count: int) -> np.ndarray:
        return np.array(draw(st.lists(values, min_size=count, max_size=count)))

    cost = matrix(st.sampled_from(COSTS))
    fleet = Fleet(
        load=each(st.sampled_from([0.0, 1.0, 4.0, 6.5, 9.0, 15.0]), workloads),
        least=each(st.integers(0, 2), workloads),
        capacity=matrix(st.sampled_from(CAPACITIES)),
        cost=cost,
        devices=matrix(st.sampled_from([0.5, 1.0, 2.0])),
        limit=np.array([float(draw(st.integers(0, 8))) if limits else np.inf for _ in range(pools)]),
        current=matrix(st.integers(0, 3)).astype(np.int64),  # type: ignore[arg-type]
        added=cost * draw(st.sampled_from([0.0, 0.2])),
        most=np.full((workloads, pools), MOST, dtype=np.int64),
        even=each(st.booleans(), workloads),
    )
    if not rules:
        return fleet
    some = {
        "maximum": lambda: {"maximum": each(st.sampled_from([3, 5, 100]), workloads)},
        "floor": lambda: {"floor": matrix(st.sampled_from([0, 0, 0, 0, 1])).astype(np.int64)},  # type: ignore[arg-type]
        "families": lambda: {"family": each(st.integers(0, 1), pools), "families": each(st.sampled_from([1, 1, 2]), workloads)},
        "spot": lambda: {"spot": each(st.booleans(), pools), "spot_percent": each(st.sampled_from([0, 50, 100]), workloads)},
        "money": lambda: {"money": np.array([draw(st.sampled_from([1.0, 4.0, 9.0]))]), "payer": each(st.sampled_from([-1, 0]), workloads)},
    }
    # All of them together leave few fleets a plan.
    return replace(
        fleet, **{k: v for name in sorted(draw(st.sets(st.sampled_from(sorted(some)), min_size=1))) for k, v in some[name]().items()}
    )


def placements(fleet: Fleet, workload: int) -> list[tuple[int, ...]]:
    """Every one that carries the load within the workload's own limits."""
    found = []
    for counts in product(range(MOST + 1), repeat=fleet.pools):
        used = [p for p, n in enumerate(counts) if n]
        total = sum(counts)
        if len(used) > max(WIDEST, int((fleet.floor[workload] > 0).sum())) or not fleet.least[workload] <= total <= fleet.maximum[workload]:
            continue
        if any(fleet.capacity[workload, p] == 0 for p in used) or any(
            n < least for n, least in zip(counts, fleet.floor[workload], strict=True)
        ):
            continue
        capacities = [fleet.capacity[workload, p] for p in used]
        carried = total * min(capacities, default=0) if fleet.even[workload] else sum(counts[p] * fleet.capacity[workload, p] for p in used)
        if carried < fleet.load[workload]:
            continue
        if total and len({int(fleet.family[p]) for p in used}) < fleet.families[workload]:
            continue
        if 100 * sum(counts[p] for p in used if fleet.spot[p]) <= fleet.spot_percent[workload] * total:
            found.append(counts)
    return found


def money(fleet: Fleet, workload: int, counts: tuple[int, ...]) -> float:
    each = zip(counts, fleet.cost[workload], fleet.current[workload], fleet.added[workload], strict=True)
    return float(sum(n * cost + max(0, n - now) * added for n, cost, now, added in each))


def optimum(fleet: Fleet, every: list[list[tuple[int, ...]]]) -> float:
    """inf where no choice keeps what is shared."""
    best = np.inf
    # Only what no other placement beats in money and in devices can be part of a best choice.
    few = [_undominated(fleet, w, e) for w, e in enumerate(every)]
    for chosen in product(*few):
        taken = sum(np.array(c) * fleet.devices[w] for w, c in enumerate(chosen))
        cost = [money(fleet, w, c) for w, c in enumerate(chosen)]
        paid = sum(c for w, c in enumerate(cost) if fleet.payer[w] == 0)
        if (taken <= fleet.limit + TIGHT).all() and (not fleet.money.size or paid <= fleet.money[0] + TIGHT):
            best = min(best, sum(cost))
    return best


def _undominated(fleet: Fleet, workload: int, every: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    costs = {c: money(fleet, workload, c) for c in every}
    return [c for c in every if not any(o != c and all(a <= b for a, b in zip(o, c, strict=True)) and costs[o] <= costs[c] for o in every)]


@effort(200)
@given(
    fleet=fleets(workloads=3, pools=4, limits=False, rules=True), prices=st.lists(st.sampled_from([0.0, 0.4, 1.3]), min_size=5, max_size=5)
)
def test_the_mixes_of_every_workload_have_the_least_cost_at_any_prices(fleet: Fleet, prices: list[float]) -> None:
    found = mixes(fleet, np.array(prices))
    for workload in range(fleet.workloads):
        own = placements(fleet, workload)
        priced = [_priced(fleet, workload, c, prices) for c in own]
        if not priced:
            assert found.bound[workload] == np.inf
            assert not (found.row == workload).any()
            continue
        assert found.exact[workload]
        assert abs(found.bound[workload] - min(priced)) < TIGHT
        mine = [tuple(int(n) for n in r) for r in found.replicas[found.row == workload]]
        assert set(mine) <= set(own)


@effort(200)
@given(
    fleet=fleets(workloads=3, pools=4, limits=False, rules=True),
    prices=st.lists(st.sampled_from([0.0, 0.4, 1.3]), min_size=5, max_size=5),
    tried=st.integers(1, 3),
)
def test_a_search_that_is_cut_short_has_a_bound_that_no_mix_beats(fleet: Fleet, prices: list[float], tried: int) -> None:
    found = search_mixes(fleet, np.array(prices), None, None, tried)
    for workload in range(fleet.workloads):
        own = placements(fleet, workload)
        least = min((_priced(fleet, workload, c, prices) for c in own), default=np.inf)
        assert found.bound[workload] <= least + TIGHT
        if found.exact[workload]:
            assert abs(found.bound[workload] - least) < TIGHT
        assert {tuple(int(n) for n in r) for r in found.replicas[found.row == workload]} <= set(own)


@effort(100)
@given(
    fleet=fleets(workloads=2, pools=4, limits=False, rules=True),
    prices=st.lists(st.sampled_from([0.0, 0.4, 1.3]), min_size=5, max_size=5),
    slack=st.sampled_from([0.0, 0.5, 2.0]),
)
def test_a_list_of_mixes_lacks_none_that_costs_little_more_than_the_best(fleet: Fleet, prices: list[float], slack: float) -> None:
    found = mixes(fleet, np.array(prices), slack=slack)
    for workload in range(fleet.workloads):
        own = placements(fleet, workload)
        priced = {c: _priced(fleet, workload, c, prices) for c in own}
        mine = {tuple(int(n) for n in r) for r in found.replicas[found.row == workload]}
        assert mine <= set(own)
        if found.exact[workload]:
            worth = {c for c in _undominated(fleet, workload, own) if priced[c] <= min(priced.values()) + slack - TIGHT}
            assert all(any(all(a <= b for a, b in zip(m, c, strict=True)) and priced[m] <= priced[c] + TIGHT for m in mine) for c in worth)


def _priced(fleet: Fleet, workload: int, counts: tuple[int, ...], prices: list[float]) -> float:
    factor = 1 + prices[-1] if fleet.payer[workload] == 0 else 1.0
    return factor * money(fleet, workload, counts) + float(np.dot(prices[:-1], counts * fleet.devices[workload]))


@effort(300)
@given(
    fleet=st.booleans().flatmap(lambda rules: fleets(workloads=2, pools=3, limits=True, rules=rules)), long=st.sampled_from([-1, 2, 2_000])
)
def test_a_small_fleet_gets_its_optimum_and_only_an_impossible_one_is_called_so(fleet: Fleet, long: int) -> None:
    """long: from how many mixes on a workload gets any replicas instead of one of them."""
    every = [placements(fleet, w) for w in range(fleet.workloads)]
    impossible = {w for w, e in enumerate(every) if not e}
    every = [e or [(0,) * fleet.pools] for e in every]
    best = optimum(fleet, every)
    with patch.object(exact, "LONG", long):
        found = share_pools(fleet)
    assert not isinstance(found, FleetUndecided)
    if isinstance(found, FleetInfeasible):
        assert best == np.inf
        return
    assert set(found.without) == impossible
    assert found.unknown == ()
    assert ((found.replicas * fleet.devices).sum(axis=0) <= fleet.limit + TIGHT).all()
    for workload, counts in enumerate(found.replicas):
        assert tuple(int(n) for n in counts) in every[workload]
    assert abs(found.cost - sum(money(fleet, w, tuple(c)) for w, c in enumerate(found.replicas))) < TIGHT
    assert found.bound <= best + TIGHT
    assert abs(found.cost - best) < TIGHT
    assert found.gap < TIGHT


@effort(200)
@given(fleet=st.booleans().flatmap(lambda rules: fleets(workloads=3, pools=3, limits=True, rules=rules)), polish=st.sampled_from([0, 3]))
def test_a_plan_that_is_not_exact_keeps_every_rule_and_its_bound_is_below_the_optimum(fleet: Fleet, polish: int) -> None:
    every = [placements(fleet, w) for w in range(fleet.workloads)]
    best = optimum(fleet, [e or [(0,) * fleet.pools] for e in every])
    found = share_pools(fleet, effort=Effort(exact=0, polish=polish))
    if not isinstance(found, FleetPlanned):
        assert best == np.inf or (isinstance(found, FleetUndecided) and found.bound <= best + TIGHT)
        return
    assert ((found.replicas * fleet.devices).sum(axis=0) <= fleet.limit + TIGHT).all()
    assert all(tuple(int(n) for n in c) in every[w] for w, c in enumerate(found.replicas) if every[w])
    assert abs(found.cost - sum(money(fleet, w, tuple(c)) for w, c in enumerate(found.replicas))) < TIGHT
    assert found.bound <= best + TIGHT
    assert best <= found.cost + TIGHT


@effort(100)
@given(fleet=fleets(workloads=3, pools=3, limits=True, rules=True), seed=st.integers(0, 9))
def test_a_plan_that_begins_from_an_earlier_one_keeps_its_certificate(fleet: Fleet, seed: int) -> None:
    chance = np.random.default_rng(seed)
    before = share_pools(replace(fleet, load=fleet.load * chance.choice([0.7, 1.0], fleet.workloads)))
    if not isinstance(before, FleetPlanned):
        return
    every = [placements(fleet, w) for w in range(fleet.workloads)]
    found = share_pools(fleet, before.warm_start, Effort(exact=0))
    if isinstance(found, FleetPlanned) and all(every):
        assert ((found.replicas * fleet.devices).sum(axis=0) <= fleet.limit + TIGHT).all()
        assert all(tuple(int(n) for n in c) in every[w] for w, c in enumerate(found.replicas))
        assert found.bound <= optimum(fleet, every) + TIGHT


@effort(300)
@given(
    fleet=st.tuples(st.sampled_from([3, 3, 4]), st.booleans()).flatmap(
        lambda how: fleets(workloads=2, pools=how[0], limits=True, rules=how[1])
    ),
    some=st.lists(st.sampled_from([0.0, 0.4, 1.3]), min_size=5, max_size=5),
    listed=st.sets(st.integers(0, 1)),
    near=st.booleans(),
)
def test_the_integer_program_has_the_optimum_whoever_is_listed_and_whatever_the_prices(
    fleet: Fleet, some: list[float], listed: set[int], near: bool
) -> None:
    prices = some[: fleet.pools] + some[-1:]
    every = [placements(fleet, w) for w in range(fleet.workloads)]
    best = optimum(fleet, every)
    known = np.array(prices[: fleet.limits.size])
    least = np.array([min((_priced(fleet, w, c, prices) for c in e), default=0.0) for w, e in enumerate(every)])
    slack = best - float(least.sum() - known @ fleet.limits) if near else np.inf
    mine = [(w, c) for w in sorted(listed) for c in every[w]]
    row, counts = np.array([w for w, _ in mine], dtype=np.intp), np.array([c for _, c in mine], dtype=np.int64).reshape(-1, fleet.pools)
    found = place(fleet, np.array(sorted(listed), dtype=np.intp), row, counts, Known(prices=known, least=least, slack=slack), 1_000)
    if best == np.inf:
        assert found.replicas is None
        assert found.bound == np.inf
        return
    assert found.replicas is not None
    assert abs(sum(money(fleet, w, tuple(c)) for w, c in enumerate(found.replicas)) - best) < TIGHT
    assert all(tuple(int(n) for n in c) in every[w] for w, c in enumerate(found.replicas))
    assert found.bound <= best + TIGHT


def _placed(load: float, capacity: list[float], cost: list[float], limit: float = np.inf, **rules: np.ndarray) -> list[int] | None:
    """Replicas of one workload by the integer program."""
    pools = len(capacity)
    fleet = Fleet(
        load=np.array([load]), capacity=np.array([capacity]), cost=np.array([cost]), devices=np.ones((1, pools)),
        limit=np.full(pools, limit), current=np.zeros((1, pools), np.int64), added=np.zeros((1, pools)),
        most=np.full((1, pools), 9, np.int64), **rules,
    )  # fmt: skip
    nobody, none = np.zeros(0, dtype=np.intp), np.zeros((0, pools), np.int64)
    found = place(fleet, nobody, nobody, none, Known(prices=np.zeros(pools), least=np.zeros(1), slack=np.inf), 1_000)
    assert found.replicas is not None or found.bound == np.inf
    return None if found.replicas is None else [int(n) for n in found.replicas[0]]


def test_the_integer_program_uses_no_more_pools_and_replicas_than_are_allowed() -> None:
    assert _placed(3.0, [1.0] * 4, [1.0] * 4, limit=1.0) in ([1, 1, 1, 0], [1, 1, 0, 1], [1, 0, 1, 1], [0, 1, 1, 1])
    assert _placed(4.0, [1.0] * 4, [1.0] * 4, limit=1.0) is None
    assert _placed(1.0, [0.0], [1.0], even=np.array([True])) is None
    assert _placed(5.0, [1.0, 2.0], [0.3, 5.0]) == [5, 0]
    assert _placed(5.0, [1.0, 2.0], [0.3, 5.0], maximum=np.array([3])) == [1, 2]


def test_the_integer_program_dilutes_spot_beyond_what_the_load_asks_for() -> None:
    rules = {"spot": np.array([True, False]), "spot_percent": np.array([25]), "floor": np.array([[1, 0]])}
    assert _placed(1.0, [1.0, 1.0], [1.0, 2.0], **rules) == [1, 3]


@effort(100)
@given(fleet=fleets(workloads=3, pools=4, limits=False))
def test_where_nothing_is_short_everyone_has_his_optimum_and_the_bound_is_met(fleet: Fleet) -> None:
    found = share_pools(fleet)
    assert isinstance(found, FleetPlanned)
    least = [min(money(fleet, w, c) for c in every) for w in range(fleet.workloads) if (every := placements(fleet, w))]
    assert abs(found.cost - sum(least)) < TIGHT
    assert found.gap < TIGHT


def test_what_is_short_goes_to_whom_it_saves_most_and_has_a_price() -> None:
    """Two workloads want the one device of pool 0; the second saves more by it."""
    fleet = Fleet(
        load=np.array([1.0, 1.0]), least=np.array([1, 1]), capacity=np.full((2, 2), 1.0), cost=np.array([[1.0, 2.0], [1.0, 5.0]]),
        devices=np.ones((2, 2)), limit=np.array([1.0, np.inf]), current=np.zeros((2, 2), np.int64), added=np.zeros((2, 2)),
        most=np.full((2, 2), 3, np.int64),
    )  # fmt: skip
    found = share_pools(fleet)
    assert isinstance(found, FleetPlanned)
    assert found.replicas.tolist() == [[0, 1], [1, 0]]
    assert 1.0 <= found.prices[0] <= 4.0
    assert found.gap < 0.01


def test_combinations_are_not_walked_twice() -> None:
    """A mix of three pools is one column, in whatever order its pools were added."""
    pools = 4
    fleet = Fleet(
        load=np.array([20.0]), capacity=np.full((1, pools), 3.0), cost=np.array([[1.0, 1.01, 1.02, 1.03]]), devices=np.ones((1, pools)),
        limit=np.full(pools, np.inf), current=np.zeros((1, pools), np.int64), added=np.zeros((1, pools)), most=np.full((1, pools), 3, np.int64),
    )  # fmt: skip
    found = mixes(fleet, np.zeros(pools))
    assert len({tuple(r) for r in found.replicas}) == len(found.replicas)
    assert list(found.replicas[0]) == [3, 3, 1, 0]
    assert all(sum(n > 0 for n in r) <= WIDEST for r in found.replicas)


def test_the_plan_that_is_known_does_not_keep_the_better_one_from_being_found() -> None:
    fleet = Fleet(
        load=np.array([4.0, 0.0]), least=np.array([0, 2]), capacity=np.array([[2.0, 2.0, 2.0], [2.0, 2.0, 0.0]]),
        cost=np.array([[0.3, 1.0, 1.0], [0.3, 1.0, 0.3]]), devices=np.array([[1.0, 0.5, 0.5], [0.5, 0.5, 0.5]]), limit=np.array([2.0, 1.0, 2.0]),
        current=np.zeros((2, 3), np.int64), added=np.zeros((2, 3)), most=np.full((2, 3), 4, np.int64),
    )  # fmt: skip
    found = share_pools(fleet)
    assert isinstance(found, FleetPlanned)
    assert abs(found.cost - 1.9) < TIGHT
    assert found.gap < TIGHT
