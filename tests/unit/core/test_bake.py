"""A bake shows what a new place does in half an hour; what has served there lately has shown it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from steelyard.core.facts.memory import Known, MoveKind, Outcome, Step
from steelyard.core.facts.snapshot import Rebalancing, Scaling
from steelyard.core.facts.unit_cost import UnitCost
from steelyard.core.placing.analysis import analysis
from steelyard.core.placing.grounds_of import grounds_of
from steelyard.core.placing.outcome import Outcome as Decided
from steelyard.core.placing.remember import remember
from steelyard.core.rebalancing.bake import bake_seconds
from steelyard.core.rebalancing.exposure import steps
from steelyard.core.rebalancing.grounds import START_SECONDS
from steelyard.core.statistics.interval import Interval
from steelyard.core.vocabulary.verdict import Verdict
from unit.core.world import START, Ground, World, quick

POLICY = Rebalancing(bake_seconds=1800, window_seconds=60)


def served(ago: timedelta) -> Known:
    cost = UnitCost(interval=Interval(1.0, 0.9, 1.1), good=5000, cost=5.0, start=START - ago - timedelta(minutes=9), end=START - ago)
    return Known(pool="b", revision="r", unit_cost=cost, steady=True)


def test_a_place_that_is_new_or_was_only_tried_is_baked_for_as_long_as_the_policy_says() -> None:
    assert bake_seconds(POLICY, None, START) == 1800
    assert bake_seconds(POLICY, replace(served(timedelta(hours=1)), steady=False), START) == 1800


def test_where_the_revision_has_served_within_a_day_costs_are_compared_and_no_more() -> None:
    assert bake_seconds(POLICY, served(timedelta(hours=1)), START) == 480
    assert bake_seconds(POLICY, served(timedelta(hours=23)), START) == 480
    assert bake_seconds(POLICY, served(timedelta(hours=25)), START) == 1800


def test_a_shorter_bake_of_the_users_stays_as_it_is() -> None:
    assert bake_seconds(replace(POLICY, bake_seconds=120), served(timedelta(hours=1)), START) == 120


def test_the_way_back_to_where_a_workload_came_from_is_shorter_than_the_way_there() -> None:
    policy = quick(bake_seconds=1800, cooldown_seconds=600, deadline_seconds=3600)
    world = World({"a": Ground(speed=10, price=4), "b": Ground(speed=10, price=5)}, rate=24, policy=policy)
    world.until(lambda: bool(world.memory.history))
    world.grounds["b"].price = 1.0
    baked = {"a": 0, "b": 0}
    while len([m for m in world.ended if m.outcome is Outcome.MOVED]) < 2:
        world.tick()
        move = world.memory.move
        if move is not None and move.step is Step.BAKE:
            baked[move.target.pool] += 1
        if world.ended[-1].outcome is Outcome.MOVED:
            world.grounds["b"].price = 16.0
        assert len(world.decisions) < 1000, [d.message for d in world.decisions[-3:]]
    assert baked["b"] >= 30
    assert 8 <= baked["a"] <= 10


def test_on_the_way_back_all_replicas_join_after_the_first_and_on_the_way_there_by_parts_of_the_traffic() -> None:
    policy = quick(bake_seconds=600, cooldown_seconds=600, deadline_seconds=3600)
    grounds = {"a": Ground(speed=3, price=4, nodes=60), "b": Ground(speed=3, price=5, nodes=60)}
    world = World(grounds, rate=24, policy=policy, scaling=Scaling(maximum=60))
    world.until(lambda: bool(world.memory.history))
    world.grounds["b"].price = 1.0
    sizes: dict[str, list[int]] = {"a": [], "b": []}
    while len([m for m in world.ended if m.outcome is Outcome.MOVED]) < 2:
        world.tick()
        move = world.memory.move
        if move is not None and move.kind is MoveKind.REBALANCE and move.target_replicas not in sizes[move.target.pool]:
            sizes[move.target.pool].append(move.target_replicas)
        if world.ended[-1].outcome is Outcome.MOVED:
            world.grounds["b"].price = 16.0
        assert len(world.decisions) < 1000, [d.message for d in world.decisions[-3:]]
    there, back = sizes["b"], sizes["a"]
    assert there[0] == 1 and len(there) >= 3 and there[1] < there[-1], there
    assert back[0] == 1 and back[1] >= 10, back


def test_the_price_of_the_way_back_counts_the_shorter_bake_and_that_all_join_at_once() -> None:
    policy = quick(bake_seconds=1800, cooldown_seconds=600, deadline_seconds=3600)
    world = World({"a": Ground(speed=10, price=4), "b": Ground(speed=10, price=5)}, rate=24, policy=policy)
    world.until(lambda: bool(world.memory.history))
    world.grounds["b"].price = 1.0
    world.until(lambda: world.ended[-1].outcome is Outcome.MOVED)
    world.tick()
    grounds = grounds_of(analysis(replace(world.looked_at, memory=world.memory), world.now))
    assert grounds is not None
    back = grounds.option("a")
    assert (grounds.dual_hours(2) - grounds.dual_hours(2, back)) * 3600 == pytest.approx(1800 - 480)
    fewer = steps(grounds.replicas, 40) - steps(grounds.replicas, 40, proven=True)
    assert fewer > 0
    bake = (grounds.dual_hours(40) - grounds.dual_hours(40, back)) * 3600
    assert bake == pytest.approx(1800 - 480 + fewer * (START_SECONDS + policy.window_seconds)), "and the start-ups that it saves"


def test_the_price_of_a_move_counts_the_start_up_as_measured_there_and_as_remembered_after_the_replicas_are_gone() -> None:
    world = World({"b": Ground()}, rate=24, policy=quick())
    world.until(lambda: "b" in {k.pool for k in world.memory.known})

    def hours(**start: float) -> float:
        """Of a move of one replica to b, which took so long to start there."""
        seen = world.snapshot()
        placements = tuple(replace(p, start_seconds=start.get(p.key.pool)) for p in seen.placements)
        looked = analysis(replace(seen, placements=placements), world.now)
        if start:
            world.memory = remember(looked, Decided(verdict=Verdict.STAY, allocation={}))
        grounds = grounds_of(looked)
        assert grounds is not None
        target = grounds.option("b")
        assert target is not None
        return grounds.dual_hours(1, target) * 3600

    assumed = hours()
    assert hours(b=600.0) - assumed == pytest.approx(600 - 120)
    assert hours() - assumed == pytest.approx(600 - 120)
    # Starts differ by chance: what is remembered changes only where they surely do.
    hours(b=620.0)
    assert {k.start_seconds for k in world.memory.known if k.pool == "b"} == {600.0}
    hours(b=1234.0)
    assert {k.start_seconds for k in world.memory.known if k.pool == "b"} == {1200.0}
