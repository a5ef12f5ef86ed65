"""Enough replicas for the load: up at once, down when it is sure."""

from dataclasses import replace
from itertools import pairwise
from math import ceil

import pytest

from steelyard.core.decide import decide
from steelyard.core.facts.snapshot import PoolChoice, Scaling
from steelyard.core.placing.analysis import analysis
from steelyard.core.placing.requirement import UNUSED
from steelyard.core.planning.enough import Rules, Stand, grown, shrunk, suffices
from steelyard.core.planning.sizing import need
from unit.core.world import Ground, World, quick

RULES = Rules(minimum=1, maximum=9)


def stand(replicas: int, capacity: float = 10.0, **more: object) -> Stand:
    told = Stand(name="a/1", replicas=replicas, capacity=capacity, cost=1.0, most=9)
    return replace(told, **more)  # type: ignore[arg-type]


def test_more_load_adds_as_few_as_carry_it_and_takes_none_away() -> None:
    assert grown([stand(2)], 25.0, RULES) == (3,)
    assert grown([stand(5)], 25.0, RULES) == (5,)
    assert grown([stand(2)], 95.0, RULES) is None, "ten are needed, and nine are allowed"


def test_what_goes_is_the_dearest_part_that_is_not_needed() -> None:
    dear = stand(2, cost=3.0, name="b/1")
    assert shrunk([stand(3), dear], 20.0, RULES) == (2, 0)
    assert shrunk([stand(3), replace(dear, least=1)], 30.0, RULES) == (2, 1)


def test_an_equal_part_is_no_more_than_the_slowest_carries() -> None:
    slow = stand(1, capacity=4.0, name="b/1")
    assert suffices([stand(3)], 30.0, RULES)
    assert not suffices([stand(3), slow], 30.0, RULES)


def test_a_broken_promise_adds_one_whatever_the_capacity_says() -> None:
    world = World({"a": Ground(speed=10)}, rate=5, scaling=Scaling(maximum=3))
    world.tick(10)
    assert replicas(world) == 1
    world.grounds["a"].late = 0.5
    world.tick()
    assert replicas(world) == 2
    world.tick(30)
    assert replicas(world) == 2, "and no more once a lower load is seen not to help"


def replicas(world: World) -> int:
    return sum(pods.desired for pods in world.deployments.values())


def test_bounds_hold_and_zero_load_keeps_the_minimum() -> None:
    assert need(0.0, 10.0, 2, 5) == 2
    assert need(1000.0, 10.0, 2, 5) == 5


def test_a_broken_promise_adds_one_replica_a_window_and_not_one_a_look() -> None:
    world = World({"a": Ground(speed=10)}, rate=5, scaling=Scaling(maximum=20))
    world.tick(10)
    world.grounds["a"].late = 0.5
    world.tick()
    for _ in range(5):  # Five looks within one window.
        decision = decide(world.snapshot(), world.now)
        world.memory = decision.memory
        world._obey(decision)
    assert sum(p.desired for p in world.deployments.values()) <= 3


def test_replicas_that_are_slower_than_was_measured_do_not_come_and_go() -> None:
    """A neighbour takes their processors: by its capacity one is enough, and it breaks the promise whenever it is alone."""
    world = World({"a": Ground(speed=10)}, rate=5, scaling=Scaling(maximum=20))
    world.tick(10)
    numbers = []
    for _ in range(40):
        alone = sum(p.desired for p in world.deployments.values()) == 1
        world.grounds["a"].late = 0.5 if alone else 0.0
        world.tick()
        numbers.append(sum(p.desired for p in world.deployments.values()))
    changes = sum(1 for before, after in pairwise(numbers) if before != after)
    assert changes <= 4, numbers


def carrying(rate: float, count: int) -> World:
    """A workload whose servers do not tell their busy time, after a peak that has left it with more replicas than it needs."""
    world = World({"a": Ground(speed=10)}, rate=rate * 3, scaling=Scaling(maximum=20), busy_known=False)
    world.until(lambda: world.count("a") >= count, most=200)
    world.rate = rate
    return world


def test_where_a_carried_load_is_all_that_is_known_the_way_down_is_tried_step_by_step() -> None:
    world = carrying(12.0, 6)
    numbers = []
    for _ in range(60):
        world.tick()
        numbers.append(replicas(world))
    assert all(after >= before - 1 for before, after in pairwise(numbers)), numbers
    assert numbers[-1] < numbers[0]


def test_a_replica_less_that_is_tried_shows_its_window_before_it_is_added_again() -> None:
    """Else the operator, which its own write wakes, would take one away and add it again all the time."""
    world = carrying(12.0, 6)
    before = replicas(world)
    world.until(lambda: replicas(world) < before, most=60)
    tried = replicas(world)
    for _ in range(5):  # Five looks within one window.
        decision = decide(world.snapshot(), world.now)
        world.memory = decision.memory
        world._obey(decision)
    assert replicas(world) == tried


def test_a_replica_that_was_not_needed_for_a_quarter_of_an_hour_goes_though_little_more_would_bring_it_back() -> None:
    """With a quarter of a replica to spare it would stay for as long as the load does, at a third of the cost more."""
    world = World({"a": Ground(speed=10)}, rate=30.0)
    world.until(lambda: world.count("a") == 5)
    world.rate = 19.6  # Three carry it, at 7 requests per second each, and little more.
    waited = world.until(lambda: world.count("a") == 3)
    assert waited >= UNUSED / 60
    numbers = []
    for _ in range(120):
        world.tick()
        numbers.append(world.count("a"))
    changes = sum(1 for before, after in pairwise(numbers) if before != after)
    assert changes <= 2 * len(numbers) / (UNUSED / 60), numbers


def test_a_pool_that_lost_nodes_takes_no_replicas_away() -> None:
    world = World({"a": Ground(speed=10)}, rate=30)
    world.tick(20)
    before = {k: p.desired for k, p in world.deployments.items()}
    world.grounds["a"].nodes = 2
    world.tick(20)
    assert {k: p.desired for k, p in world.deployments.items()} == before


def test_a_pool_that_is_to_have_a_replica_gets_it_though_another_one_carries_the_load_and_it_was_never_measured() -> None:
    world = World({"a": Ground(price=0.5), "b": Ground(price=2.0)}, rate=4.0, policy=quick())
    world.tick(10)
    assert (world.count("a"), world.count("b")) == (1, 0)
    world.pools = {"a": PoolChoice(), "b": PoolChoice(minimum=1)}
    world.tick(10)
    assert world.count("b") == 1


@pytest.mark.parametrize("seed", range(4))
def test_while_little_is_seen_and_more_is_carried_than_the_busy_time_says_a_rise_is_still_met_by_its_forecast(seed: int) -> None:
    world = World({"a": Ground(speed=10)}, rate=7.0, policy=quick(), seed=seed, noise=0.5)
    world.tick(6)
    for _ in range(5):
        world.rate *= 1.12
        world.tick()
        seen = analysis(world.looked_at, world.now)
        assert seen.load is not None
        assert seen.asked == seen.load.soon, "not what is there now, as where nothing is known but that it is carried"
        (capacity,) = (seen.capacity(place.key) for place in seen.members)
        assert capacity and replicas(world) >= ceil(seen.asked / capacity - 1e-9)
