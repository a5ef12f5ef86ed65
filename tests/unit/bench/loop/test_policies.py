"""The rules of others, as they are written down by their authors."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.loop.mix import mixes
from bench.loop.policies.hpa import Hpa
from bench.loop.policies.integer_program import IntegerProgram
from bench.loop.policies.saturation_greedy import SaturationGreedy
from bench.loop.policies.static import Static
from bench.loop.policy import USABLE, Observation, Policy
from bench.loop.worlds import A, B, C


def begun(policy: Policy, *pools: object) -> Policy:
    policy.start(pools or (A, B, C), allowance=0.01, seed=1)  # type: ignore[arg-type]
    return policy


def seen(ready: tuple[int, ...], *, requests: float = 0.0, busy: float | None = None, **changes: object) -> Observation:
    """Ten seconds in which these replicas stood and were that busy."""
    given: dict[str, object] = {
        "now": 10,
        "seconds": 10,
        "requests": requests,
        "missed": 0.0,
        "served": tuple(0.0 for _ in ready),
        "busy": tuple(busy if n else None for n in ready),
        "replica_seconds": tuple(10.0 * n for n in ready),
        "ready": ready,
        "starting": tuple(0 for _ in ready),
        "prices": (4.0, 1.0, 0.6),
        "limits": (None, None, 4),
        "limits_soon": (None, None, 4),
    }
    return Observation(**{**given, **changes})  # type: ignore[arg-type]


def test_static_has_the_cheapest_pool_without_a_limit_for_the_peak() -> None:
    assert begun(Static(100.0)).step(seen((0, 0, 0))) == [0, 40, 0]
    assert begun(Static(100.0), A, replace(B, limit=8), C).step(seen((0, 0, 0))) == [12, 0, 0]


def test_hpa_wants_current_times_utilisation_over_target_rounded_up() -> None:
    assert begun(Hpa(0.5)).step(seen((0, 10, 0), busy=0.81)) == [0, 17, 0]


def test_hpa_does_nothing_within_its_tolerance() -> None:
    assert begun(Hpa(0.5)).step(seen((0, 10, 0), busy=0.54)) == [0, 10, 0]


def test_hpa_counts_what_starts_and_does_not_order_it_twice() -> None:
    look = seen((0, 10, 0), busy=0.81)
    assert begun(Hpa(0.5)).step(replace(look, starting=(0, 7, 0))) == [0, 17, 0]


def test_hpa_goes_down_only_to_the_largest_wish_of_its_stabilisation() -> None:
    policy = begun(Hpa(0.5, stabilisation=60))
    wanted = [policy.step(seen((0, 10, 0), busy=busy))[1] for busy in [0.81] + [0.1] * 8]
    assert wanted[0] == 17
    assert wanted[1:6] == [17] * 5
    assert wanted[8] < 10


def test_hpa_stays_where_nothing_is_ready_and_so_nothing_is_measured() -> None:
    policy = begun(Hpa(0.5))
    policy.step(seen((0, 10, 0), busy=0.81))
    assert policy.step(seen((0, 0, 0))) == [0, 17, 0]


def test_hpa_on_one_pool_keeps_its_wish_while_the_pool_is_away() -> None:
    assert begun(Hpa(0.5)).step(seen((0, 10, 0), busy=0.81, limits=(None, 0, 4))) == [0, 17, 0]


def test_hpa_over_every_pool_fills_the_cheapest_per_request_first() -> None:
    policy = begun(Hpa(0.5, every_pool=True), A, replace(B, limit=8), C)
    assert policy.step(seen((0, 8, 4), busy=1.0, limits=(None, 8, 4))) == [4, 8, 4]


def test_hpa_keeps_what_is_ready_until_its_successors_are() -> None:
    policy = begun(Hpa(0.5, every_pool=True))
    look = seen((0, 12, 0), busy=0.5)
    assert policy.step(look) == [0, 12, 4]
    assert policy.step(replace(look, starting=(0, 0, 4))) == [0, 12, 4]
    assert policy.step(replace(look, ready=(0, 12, 4), starting=(0, 0, 0))) == [0, 8, 4]


def test_the_integer_program_is_the_cheapest_mix_for_what_came_last() -> None:
    assert begun(IntegerProgram()).step(seen((0, 0, 0), requests=10 * 10 * USABLE)) == (0, 0, 4)
    assert begun(IntegerProgram()).step(seen((0, 0, 0), requests=10 * 13 * USABLE)) == (0, 1, 4)


def test_the_integer_program_plans_room_by_its_target() -> None:
    assert begun(IntegerProgram(0.5)).step(seen((0, 0, 0), requests=10 * 12 * USABLE)) == (0, 4, 4)


@given(
    load=st.floats(0, 15),
    capacities=st.lists(st.sampled_from([2.0, 3.0, 7.5]), min_size=2, max_size=3),
    prices=st.lists(st.sampled_from([0.5, 1.0, 2.2]), min_size=3, max_size=3),
    limits=st.lists(st.sampled_from([None, 0, 2]), min_size=3, max_size=3),
)
def test_no_mix_that_carries_the_load_is_cheaper(
    load: float, capacities: list[float], prices: list[float], limits: list[int | None]
) -> None:
    prices, limits = prices[: len(capacities)], limits[: len(capacities)]

    def total(mix: tuple[int, ...], each: list[float]) -> float:
        return sum(n * x for n, x in zip(mix, each, strict=True))

    every = product(*(range(9 if limit is None else limit + 1) for limit in limits))
    enough = [total(mix, prices) for mix in every if total(mix, capacities) >= load - 1e-9]
    found = mixes(capacities, prices, limits, load).cheapest(load)
    assert all(limit is None or n <= limit for n, limit in zip(found, limits, strict=True))
    if enough:
        assert total(found, capacities) >= load - 1e-9
        assert total(found, prices) == pytest.approx(min(enough))


def test_saturation_greedy_adds_what_is_required_where_capacity_is_cheapest_up_to_the_limit() -> None:
    assert begun(SaturationGreedy()).step(seen((0, 4, 2), requests=10 * 0.85 * 30)) == [0, 6, 4]


def test_saturation_greedy_removes_what_is_spare_where_a_replica_is_dearest_first() -> None:
    assert begun(SaturationGreedy()).step(seen((2, 4, 4), requests=10 * 0.70 * 30)) == [1, 3, 4]


def test_saturation_greedy_rests_between_its_thresholds() -> None:
    assert begun(SaturationGreedy()).step(seen((0, 6, 4), requests=10 * 0.78 * 30)) == [0, 6, 4]


@pytest.mark.parametrize("policy", [Hpa(0.5), Hpa(0.5, every_pool=True), IntegerProgram(), SaturationGreedy()])
def test_without_any_request_one_replica_stays(policy: Policy) -> None:
    assert sum(begun(policy).step(seen((1, 2, 2), busy=0.0))) == 1
