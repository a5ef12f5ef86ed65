"""A new revision begins a new epoch: what the old one carried is its prior, and its own windows have the last word."""

from dataclasses import replace
from datetime import timedelta

import pytest

from steelyard.core.facts.capacity import Basis, Capacity
from steelyard.core.facts.memory import Known
from steelyard.core.performance.epoch import inherited
from steelyard.core.statistics.interval import Interval
from unit.core.world import START, Ground, World


def short_of_nodes(*older: Known) -> World:
    """Two replicas serve on pool A, which has nodes for no more, and more is asked than they carry. What is remembered of pool B is `older`."""
    world = World({"a": Ground(speed=20), "b": Ground(price=2.0, speed=10)}, rate=20.0)
    world.tick(20)
    assert [(key.pool, pods.desired) for key, pods in world.deployments.items()] == [("a", 2)]
    world.memory = replace(world.memory, known=(*world.memory.known, *older))
    world.grounds["a"].nodes = 2
    world.rate = 34.0
    world.until(lambda: on_b(world))
    return world


def on_b(world: World) -> int:
    return sum(pods.desired for key, pods in world.deployments.items() if key.pool == "b")


def test_a_revision_without_figures_is_sized_at_once_by_what_an_older_one_carried_there() -> None:
    slow = Capacity(Interval(7.0, 6.9, 7.1), Basis.MEASURED, 9000)
    known, unknown = short_of_nodes(Known(pool="b", revision="older", capacity=slow, probed=START)), short_of_nodes()
    (option,) = (o for o in known.decisions[-1].options if o.pool == "b")
    assert option.capacity is not None
    assert (option.capacity.rate.point, option.measured) == (7.0, False), "a prior, and no measurement of this one"
    # Each gets an equal part: at 7 requests/s on B six carry what is forecast, and two stand on A. Else B is taken to be as fast as A.
    assert (on_b(known), on_b(unknown)) == (4, 1)


def test_a_new_revision_that_is_slower_than_the_old_one_is_found_by_its_own_windows() -> None:
    world = World({"a": Ground(speed=10)}, rate=40.0)
    world.tick(20)
    (old,) = world.deployments
    count, before = world.deployments[old].desired, world.memory.of(*old)
    assert before is not None and before.capacity is not None
    world.wish = "n"
    world.grounds["a"].speed = 7.0
    world.tick()
    assert world.memory.move is not None and world.memory.move.target_goal == count, "as many as the old one has, until it was seen"
    world.until(lambda: world.memory.move is None)
    world.tick(20)
    (new,) = world.deployments
    after = world.memory.of(*new)
    assert after is not None and after.capacity is not None and after.capacity.observed
    assert after.capacity.rate.point / before.capacity.rate.point == pytest.approx(0.7, rel=0.05)
    assert world.deployments[new].desired == pytest.approx(count / 0.7, abs=1.5)


def test_a_figure_that_was_only_carried_is_inherited_open_above() -> None:
    carried = Known(pool="a", revision="r1", capacity=Capacity(Interval(5.0, 5.0, 10.0), Basis.CARRIED, 900), probed=START)
    prior = inherited(carried, START)
    assert prior is not None
    assert (prior.rate.point, prior.basis, prior.n) == (5.0, Basis.CLAIMED, 0)
    assert prior.rate.lower == pytest.approx(5.0 / 1.3)
    assert prior.rate.upper > 10.0


def test_what_was_measured_long_ago_says_less_of_the_next_revision() -> None:
    sharp = Known(pool="a", revision="r1", capacity=Capacity(Interval(5.0, 4.9, 5.1), Basis.MEASURED, 900), probed=START)
    young, old = inherited(sharp, START), inherited(sharp, START + timedelta(days=30))
    assert young is not None and old is not None
    assert young.rate.upper == pytest.approx(5.0 * 1.3, rel=0.01)
    assert old.rate.upper > 10.0, "wider than a claim, which speaks of the revision itself"


def test_nothing_is_inherited_of_a_revision_without_figures() -> None:
    assert inherited(Known(pool="a", revision="r1"), START) is None
