"""The reference is below everything that anybody could have done, and what it says can be done."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.loop.reference import HOUR, Place, reference
from bench.loop.waiting import Constant, Reals, Whole

SLACK = 1e-6
"""What rounding may take."""


def place(
    rates: list[float], *, limits: list[list[int]] | None = None, prices: list[list[float]] | None = None, latency: float = 2.5
) -> Place:
    """A small pool and one whose replicas are three times as fast, of up to two replicas each."""
    steps = len(rates)
    return Place(
        seconds=60.0,
        rates=np.array(rates, dtype=float),
        prices=np.array(prices or [[60.0, 150.0]] * steps),
        limits=np.array(limits or [[2, 2]] * steps),
        laws=(Constant(0.5, latency), Constant(0.17, latency)),
        startup=(60.0, 120.0),
        drain=(30.0, 30.0),
    )


def paid(world: Place, counts: Whole) -> float:
    """Money for these ready replicas, (T, P): what stands, each start before it, each drain after it. The first cost no start."""
    money = 0.0
    per_step = world.prices * world.seconds / HOUR
    for p in range(counts.shape[1]):
        stands = counts[:, p]
        money += float((stands * per_step[:, p]).sum())
        for t in range(1, len(stands)):
            change = int(stands[t] - stands[t - 1])
            if change > 0:
                begin = max(0, t - round(world.startup[p] / world.seconds))
                money += change * float(per_step[begin:t, p].sum())
            # What is above a limit that fell is taken away for nothing.
            taken = max(0, int(stands[t - 1] - world.limits[t, p]))
            if change < 0:
                money += max(0, -change - taken) * float(per_step[t, p]) * world.drain[p] / world.seconds
    return money


def missed(world: Place, counts: Whole) -> float:
    """Requests that are late: each replica gets an equal share."""
    late_ones = 0.0
    for t, rate in enumerate(world.rates):
        everyone = int(counts[t].sum())
        if not everyone:
            late_ones += rate * world.seconds
            continue
        for p, law in enumerate(world.laws):
            share = float(law.late(np.array([rate / everyone]))[0])
            late_ones += rate * world.seconds * counts[t, p] / everyone * share
    return late_ones


def possible(world: Place, counts: Whole) -> bool:
    """Whether every replica that becomes ready was within the limit through its start."""
    for p, startup in enumerate(world.startup):
        for t in range(len(counts)):
            begin = max(0, t - round(startup / world.seconds))
            if counts[t, p] > world.limits[begin : t + 1, p].min():
                return False
    return True


def everything(world: Place) -> list[tuple[float, float]]:
    """(money, requests missed) of each choice of counts."""
    one_step = list(product(range(3), range(3)))
    schedules = (np.array(each) for each in product(one_step, repeat=len(world.rates)))
    return [(paid(world, counts), missed(world, counts)) for counts in schedules if possible(world, counts)]


WORLDS = {
    "a peak": place([1.0, 5.0, 1.0]),
    "a valley": place([4.0, 0.5, 4.0]),
    "a pool that vanishes": place([1.5, 1.5, 1.5], limits=[[2, 2], [0, 2], [2, 2]]),
    "a price that steps up": place([1.5, 1.5, 1.5], prices=[[60.0, 150.0], [180.0, 150.0], [180.0, 150.0]]),
}


@pytest.mark.parametrize("name", WORLDS)
def test_at_every_price_of_a_miss_it_is_the_least_of_all_that_can_be_done(name: str) -> None:
    world = WORLDS[name]
    found = everything(world)
    least = reference(world, (0.01, 0.1))
    for price, value in zip(least.prices, least.values, strict=True):
        assert value == pytest.approx(min(money + price * requests for money, requests in found), rel=1e-9)


@pytest.mark.parametrize("name", WORLDS)
def test_nothing_that_can_be_done_costs_less_than_it_at_the_same_misses(name: str) -> None:
    world = WORLDS[name]
    least = reference(world, (0.01, 0.1))
    for money, requests in everything(world):
        assert money + SLACK >= least.at(requests / world.requests)


@settings(max_examples=40, deadline=None)
@given(
    rates=st.lists(st.sampled_from([0.2, 1.0, 3.0, 8.0]), min_size=3, max_size=12),
    data=st.data(),
)
def test_longer_schedules_cost_at_least_the_reference_too(rates: list[float], data: st.DataObject) -> None:
    limits = data.draw(
        st.one_of(st.none(), st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)).map(list), min_size=len(rates), max_size=len(rates)))
    )
    world = place(rates, limits=limits or [[9, 9]] * len(rates))
    wished = data.draw(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)), min_size=len(rates), max_size=len(rates)))
    counts = np.array(wished)
    for t in range(len(rates)):
        for p, startup in enumerate(world.startup):
            begin = max(0, t - round(startup / world.seconds))
            counts[t, p] = min(counts[t, p], int(world.limits[begin : t + 1, p].min()))
    assert paid(world, counts) + SLACK >= reference(world, (0.01,)).at(missed(world, counts) / world.requests)


def test_who_may_miss_more_pays_no_more() -> None:
    least = reference(WORLDS["a peak"], (0.01, 0.1))
    costs: Reals = np.array([least.at(part) for part in (0.001, 0.01, 0.1, 0.5, 1.0)])
    assert (np.diff(costs) <= SLACK).all()
    assert costs[-1] == pytest.approx(0.0, abs=SLACK)
