"""No policy pays less than the bound of what it missed; and without misses the bound is the optimum."""

from dataclasses import replace
from functools import cache
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.loop.bound import bound
from bench.loop.entrants import ENTRANTS
from bench.loop.traces import recorded
from bench.loop.world import UNBOUNDED, World, run
from bench.loop.worlds import KNOWLEDGE, WORLDS, world
from unit.bench.loop.small import HOURLY, QUICK, SLOW, Scripted, small

STEPS = 5
SLACK = 1e-7
"""What rounding may take: where no miss is allowed, a miss is priced some million times a replica."""
TINY = {
    "a peak": small([10, 10, 35, 10, 0], QUICK, SLOW, opening=[1, 0]),
    "a valley": small([25, 0, 0, 0, 24], QUICK, SLOW, opening=[0, 1]),
    "a valley with more below": small([25, 8, 8, 8, 34], QUICK, SLOW, opening=[0, 1]),
    "a price that steps up": small(
        [12, 12, 12, 12, 12], QUICK, SLOW, opening=[2, 0], prices=[[HOURLY, HOURLY]] * 2 + [[3 * HOURLY, HOURLY]] * 3
    ),
    "a pool that vanishes": small([20, 20, 20, 20, 20], QUICK, SLOW, opening=[2, 0], limits=[[3, 1]] * 3 + [[0, 1]] * 2),
    "a pool that vanishes for a step": small(
        [10, 10, 0, 10, 10], QUICK, SLOW, opening=[1, 0], limits=[[3, 1]] * 2 + [[0, 1]] + [[3, 1]] * 2
    ),
    "a dear pool that is quick": small([0, 10, 0, 25, 25], replace(QUICK, price=3 * HOURLY), SLOW, opening=[0, 0]),
    "a dominated pool": small([10, 10, 25, 25, 10], QUICK, replace(SLOW, price=3 * HOURLY), opening=[1, 0]),
    "a dominated pool that stands": small([25, 25, 25, 10, 0], QUICK, replace(SLOW, price=3 * HOURLY), opening=[0, 1]),
    "a dominated pool that is taken away, free of a drain": small(
        [0, 0, 25, 0, 0],
        QUICK,
        replace(SLOW, price=3 * HOURLY, drain_seconds=20),
        opening=[0, 0],
        limits=[[UNBOUNDED, 1]] * 3 + [[UNBOUNDED, 0]] * 2,
    ),
}


@cache
def every_run(name: str) -> list[tuple[float, float]]:
    """(cost, part missed) of each sequence of wishes for up to three quick replicas and one slow. In the last step nothing is to be won."""
    found, place = [], TINY[name]
    for wishes in product(tuple(product(range(4), range(2))), repeat=STEPS - 1):
        outcome = run(place, Scripted(*wishes, wishes[-1]), allowance=0.0)
        found.append((outcome.cost, outcome.missed_part))
    return found


@pytest.mark.parametrize("name", TINY)
def test_it_is_the_least_of_all_that_can_be_done_without_a_miss_and_below_it_with_an_allowance(name: str) -> None:
    place = TINY[name]
    found = every_run(name)
    allowances = (0.0, 0.05, 0.1, 0.2, 0.5)
    least = bound(place, allowances)
    optimum = {a: min((cost for cost, missed in found if missed <= a + 1e-12), default=None) for a in allowances}
    assert optimum[0.0] is None or least.at(0.0) == pytest.approx(optimum[0.0])
    for allowance, cost in optimum.items():
        assert cost is None or least.at(allowance) <= cost + SLACK


@pytest.mark.parametrize("name", TINY)
def test_what_is_missed_at_its_least_price_has_that_price(name: str) -> None:
    """The dynamic programme alone, without the duality: at every price the least of cost + price x missed."""
    place = TINY[name]
    found = every_run(name)
    least = bound(place, (0.1,))
    for price, value in zip(least.prices, least.values, strict=True):
        assert value == pytest.approx(min(cost + price * missed * least.requests for cost, missed in found))


def test_a_peak_that_can_be_met_has_an_optimum_in_the_tiny_worlds() -> None:
    for name in ("a peak", "a valley", "a pool that vanishes"):
        assert any(missed == 0 for _, missed in every_run(name)), name


@st.composite
def places(draw: st.DrawFn) -> tuple[World, list[list[int]]]:
    """A world with moving prices and limits, and wishes."""
    steps = draw(st.integers(3, 12))
    pools = tuple(
        replace(
            pool,
            startup_seconds=draw(st.sampled_from([0, 10, 20, 30])),
            drain_seconds=draw(st.sampled_from([0, 10, 30])),
            capacity=draw(st.sampled_from([1.0, 2.0, 3.3])),
        )
        for pool in (QUICK, SLOW)
    )
    row = st.lists(st.sampled_from([1.0, 100.0, 250.0]), min_size=2, max_size=2)
    limit = st.lists(st.sampled_from([0, 1, 2, UNBOUNDED, UNBOUNDED]), min_size=2, max_size=2)
    place = small(
        draw(st.lists(st.integers(0, 60), min_size=steps, max_size=steps).filter(any)),
        *pools,
        opening=draw(st.lists(st.integers(0, 2), min_size=2, max_size=2)),
        prices=draw(st.one_of(row.map(lambda r: [r] * steps), st.lists(row, min_size=steps, max_size=steps))),
        limits=draw(st.one_of(st.just([[UNBOUNDED, UNBOUNDED]] * steps), st.lists(limit, min_size=steps, max_size=steps))),
    )
    return place, draw(st.lists(st.lists(st.integers(0, 4), min_size=2, max_size=2), min_size=steps, max_size=steps))


@settings(max_examples=200, deadline=None)
@given(places())
def test_whatever_is_wished_costs_at_least_the_bound_of_what_it_misses(case: tuple[World, list[list[int]]]) -> None:
    place, wishes = case
    outcome = run(place, Scripted(*wishes), allowance=0.0)
    assert outcome.cost + SLACK >= bound(place, (0.0, 0.1)).at(outcome.missed_part)


@pytest.mark.parametrize("kind", WORLDS)
def test_no_entrant_is_cheaper_than_the_clairvoyant_who_misses_as_much(kind: str) -> None:
    trace = recorded()["m-large"].first(2 * 3600)
    least = bound(world(kind, trace, "known", 1), (0.001, 0.01))
    for knowledge, entrant in product(KNOWLEDGE, ENTRANTS):
        place = world(kind, trace, knowledge, 1)
        outcome = run(place, entrant.make(place, 0.8), allowance=0.01)
        assert outcome.cost + SLACK >= least.at(outcome.missed_part), (entrant.name, knowledge)
