"""Where somebody else says how many replicas there are, that is brought about on each pool in every step of a roll-out, and nothing is moved."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Known, MoveKind, Outcome, Step
from steelyard.core.facts.snapshot import Owner, Scaling
from steelyard.core.vocabulary.reason import Reason
from unit.core.world import Ground, Pods, World, quick, ratio_claim


def external(rate: float = 20.0, **grounds: Ground) -> World:
    """Serving on pool a, as its owner asks."""
    world = World(grounds or {"a": Ground(speed=10)}, rate=rate, policy=quick())
    world.scaling = Scaling(owner=Owner.EXTERNAL, minimum=3)
    world.until(lambda: sum(world.count(pool) for pool in world.grounds) == 3)
    return world


def standing(world: World, pool: str = "a") -> int:
    return sum(pods.desired for key, pods in world.deployments.items() if key.pool == pool)


def roll_out(world: World) -> None:
    world.wish = "n"
    world.until(lambda: world.memory.move is not None, most=5)


def test_the_first_replicas_are_as_many_as_the_user_wants_at_least_and_every_pool_gets_a_target() -> None:
    world = external(a=Ground(speed=10), b=Ground(speed=10, price=2.0), c=Ground(selected=False))
    assert world.scale_targets == {"a": 3, "b": 0}


@pytest.mark.parametrize("count", [1, 2, 7, 14])
def test_what_is_asked_for_is_there_at_the_next_look(count: int) -> None:
    world = external()
    world.scale_targets["a"] = count
    world.tick()
    assert standing(world) == count


def test_what_is_asked_for_is_brought_about_without_any_reading_and_while_frozen() -> None:
    world = external()
    world.seeing, world.frozen = False, True
    world.tick(3)
    world.scale_targets["a"] = 6
    world.tick()
    assert standing(world) == 6


def test_the_users_bounds_are_for_whoever_sizes_to_keep() -> None:
    world = external()
    world.scaling = Scaling(owner=Owner.EXTERNAL, minimum=3, maximum=4)
    world.scale_targets["a"] = 9
    world.tick()
    assert standing(world) == 9
    world.scale_targets["a"] = 1
    world.tick()
    assert standing(world) == 1


def test_no_load_makes_steelyard_add_or_take_a_replica() -> None:
    world = external(rate=20)
    for world.rate in (2.0, 60.0):
        world.tick(30)
        assert standing(world) == 3


def test_another_pool_serves_once_replicas_are_asked_for_there_and_not_before() -> None:
    world = external(a=Ground(speed=10, claims=(ratio_claim(0.3, "b"),)), b=Ground(speed=10))
    first = next(pool for pool in ("a", "b") if standing(world, pool))
    other = "b" if first == "a" else "a"
    world.tick(60)
    assert standing(world, other) == 0
    world.scale_targets[other] = 2
    world.tick(3)
    assert (world.count(first), world.count(other)) == (3, 2)
    world.scale_targets[first] = 0
    world.tick(3)
    assert {key.pool for key in world.deployments} == {other}
    assert world.memory.history == ()


def test_zero_is_zero_and_one_begins_again() -> None:
    world = external()
    world.scale_targets["a"] = 0
    decision = world.tick(3)
    assert not world.deployments
    assert decision.reason is Reason.IDLE
    assert world.scale_targets == {"a": 0}
    world.scale_targets["a"] = 2
    world.until(lambda: world.count("a") == 2, most=4)


def test_at_zero_what_a_first_replica_takes_is_told_the_soonest_first_and_what_is_not_known_is_not_free() -> None:
    world = external(a=Ground(speed=10, price=3.6), b=Ground(speed=10, price=7.2), c=Ground(speed=10))
    world.scale_targets |= {"a": 0, "b": 0, "c": 0}
    world.tick(3)
    revision = next(o.candidate.revision or "" for o in world.decisions[-1].options if o.pool == "a")
    slow, fast = (Known(pool=pool, revision=revision, start_seconds=seconds) for pool, seconds in (("a", 95.4), ("b", 42.0)))
    world.memory = replace(world.memory, known=(slow, fast))
    decision = world.tick()
    assert not world.deployments
    assert decision.message.endswith(
        "A first replica: on pool b 42 s and 0.084 USD until it serves; on pool a 95 s and 0.095 USD until it serves; on pool c no start was measured yet."
    )
    told = {c.type.value: c for c in decision.conditions}
    assert (told["Ready"].status, told["Ready"].reason, told["Ready"].message) == (False, Reason.IDLE, decision.message)
    assert (told["Placed"].reason, told["Held"].status) == (Reason.IDLE, False)


def test_at_zero_where_no_pool_may_be_used_that_is_told_too() -> None:
    world = external()
    world.scale_targets["a"] = 0
    world.tick(3)
    for ground in world.grounds.values():
        ground.selected = False
    assert "No pool may be used now" in world.tick().message


def test_a_changed_model_is_rolled_out() -> None:
    world = external()
    old = set(world.deployments)
    roll_out(world)
    world.until(lambda: world.memory.move is None)
    assert [m.outcome for m in world.ended] == [Outcome.MOVED]
    assert not old & set(world.deployments)
    world.tick()
    assert standing(world) == 3


def test_a_new_revision_that_crashes_leaves_the_old_one_as_many_as_are_asked_for() -> None:
    world = external()
    old = set(world.deployments)
    roll_out(world)
    ready = world.ready
    world.ready = lambda key: ready(key) if key in old else 0  # type: ignore[method-assign]
    refusing = world.refusing
    world.refusing = lambda key: refusing(key) if key in old else 1  # type: ignore[method-assign]
    world.scale_targets["a"] = 5
    world.until(lambda: world.memory.move is None)
    world.tick()
    assert [m.outcome for m in world.ended] == [Outcome.ROLLED_BACK]
    assert {key: pods.desired for key, pods in world.deployments.items() if pods.desired} == dict.fromkeys(old, 5)


@pytest.mark.parametrize("step", [Step.SURGE, Step.SHIFT, Step.BAKE, Step.DRAIN])
@pytest.mark.parametrize("count", [1, 2, 5, 12])
def test_scaling_in_any_step_of_a_roll_out_loses_nothing(step: Step, count: int) -> None:
    world = external()
    old = set(world.deployments)
    roll_out(world)
    world.until(lambda: world.memory.move is None or world.memory.move.step is step)
    assert world.memory.move is not None
    world.scale_targets["a"] = count
    world.tick()
    assert standing(world) >= count
    world.until(lambda: world.memory.move is None or standing(world) < count)
    assert [m.outcome for m in world.ended] == [Outcome.MOVED]
    world.tick()
    assert standing(world) == count
    assert not old & set(world.deployments)


@pytest.mark.parametrize("seed", range(12))
def test_an_autoscaler_that_never_rests_never_gets_fewer_than_it_asks_for(seed: int) -> None:
    world, chance = external(rate=1.0), random.Random(seed)
    roll_out(world)
    for _ in range(120):
        world.scale_targets["a"] = chance.randint(1, 9)
        world.seeing = chance.random() < 0.8
        world.tick()
        assert standing(world) >= world.scale_targets["a"]
    world.seeing = True
    world.until(lambda: world.memory.move is None)
    assert {m.kind for m in world.ended} == {MoveKind.REVISION}


def test_a_roll_out_ends_where_none_is_asked_for_any_more() -> None:
    world = external()
    roll_out(world)
    world.scale_targets["a"] = 0
    world.tick(3)
    assert world.memory.move is None
    assert not world.deployments
    world.scale_targets["a"] = 1
    world.until(lambda: world.count("a") == 1, most=5)
    revision = next(o.candidate.revision for o in world.decisions[-1].options if o.pool == "a")
    assert {key.revision for key in world.deployments} == {revision}


def _moves(world: World) -> bool:
    return world.memory.move is not None


@pytest.mark.parametrize("while_", [_moves, lambda world: world.memory.move is not None and world.memory.move.step is Step.DRAIN])
def test_a_move_is_over_where_somebody_else_begins_to_size_and_all_that_stands_stays(while_: Callable[[World], bool]) -> None:
    world = World({"a": Ground(speed=10, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=20)}, rate=24, policy=quick())
    world.until(lambda: while_(world))
    before = {pool: standing(world, pool) for pool in world.grounds}
    world.scaling = Scaling(owner=Owner.EXTERNAL)
    world.tick(2)
    assert world.memory.move is None
    assert world.scale_targets == before
    assert {pool: standing(world, pool) for pool in world.grounds} == before


def test_a_revision_under_way_goes_on_where_somebody_else_begins_to_size() -> None:
    world = World({"a": Ground(speed=10)}, rate=24, policy=quick())
    world.until(lambda: world.count("a") >= 3)
    count = standing(world)
    world.wish = "n"
    world.until(lambda: world.memory.move is not None and world.memory.move.step is Step.BAKE)
    world.scaling = Scaling(owner=Owner.EXTERNAL)
    world.tick()
    assert world.scale_targets == {"a": count}
    world.until(lambda: world.memory.move is None)
    world.tick()
    assert [m.outcome for m in world.ended] == [Outcome.MOVED]
    assert standing(world) == count


def test_whoever_writes_a_deployment_past_its_target_is_left_alone_and_told_of_it() -> None:
    world = external()
    for pods in world.deployments.values():
        pods.owner = "HorizontalPodAutoscaler embed"
    world.scale_targets["a"] = 8
    decision = world.tick()
    assert standing(world) == 3
    assert decision.reason is Reason.REPLICAS_OWNED_ELSEWHERE
    assert "point it at ScaleTarget embed.a" in decision.message


def test_where_steelyard_sizes_an_autoscaler_is_named_with_what_to_do() -> None:
    world = World({"a": Ground(speed=10)}, rate=24, policy=quick())
    world.tick(30)
    for pods in world.deployments.values():
        pods.owner = "ScaledObject chat"
    world.rate = 60
    decision = world.tick(5)
    assert decision.verdict == "Hold"
    assert "ScaledObject chat writes the replicas" in decision.message
    assert "set spec.scaling.owner to External and point it at ScaleTarget embed.a" in decision.message


def test_where_it_would_move_is_said_with_who_writes_the_replicas() -> None:
    world = World({"a": Ground(speed=10), "b": Ground(speed=20)}, rate=24, policy=quick(cooldown_seconds=60))
    world.until(lambda: world.memory.move is not None and len(world.memory.known) == 2)
    world.policy = quick(paused=True)
    world.until(lambda: world.memory.move is None)
    world.policy = quick(cooldown_seconds=60)
    for pods in world.deployments.values():
        pods.owner = "HorizontalPodAutoscaler embed"
    decision = world.tick(5)
    assert decision.reason is Reason.REPLICAS_OWNED_ELSEWHERE
    assert "would move to pool b; HorizontalPodAutoscaler embed writes" in decision.message
    assert "point it at ScaleTarget embed.a" in decision.message


@pytest.mark.parametrize("step", [Step.SHIFT, Step.BAKE])
def test_fewer_are_fewer_at_once_on_both_sides_of_a_roll_out(step: Step) -> None:
    world = external()
    roll_out(world)
    world.until(lambda: world.memory.move is None or world.memory.move.step is step)
    world.scale_targets["a"] = 2
    world.tick(2)
    assert all(pods.desired <= 2 for pods in world.deployments.values())


def test_what_is_asked_to_go_is_not_replaced_first() -> None:
    world = external()
    world.scale_targets["a"] = 0
    world.wish = "n"
    decision = world.tick()
    assert decision.memory.move is None
    assert not decision.intent.create
    assert standing(world) == 0


def test_nobody_gives_nodes_up_for_who_would_not_take_them() -> None:
    world = external(a=Ground(speed=10, nodes=3), rate=200.0)
    decision = world.tick(10)
    assert decision.demand is not None
    assert not decision.demand.short


NEW, SERVES, STARTS = "what is asked for", "older and serves", "older and starts"


def side_by_side(world: World, ready: Mapping[str, int], owner: str | None = None) -> dict[str, PlacementKey]:
    """Three replicas each of some revisions on one pool, of which so many serve, and no roll-out; owner: of those that are older."""
    (new,) = world.deployments
    keys = {name: new if name == NEW else PlacementKey("a", name) for name in ready}
    for name, serving in ready.items():
        pods = world.deployments.setdefault(keys[name], Pods(desired=3, asked="", owner=owner))
        pods.ages = [99] * serving + [-99] * (3 - serving)
    return keys


@pytest.mark.parametrize(
    ("ready", "count", "left"),
    [
        ({NEW: 3, SERVES: 3}, 8, {NEW: 5, SERVES: 3}),
        ({NEW: 3, SERVES: 3}, 5, {NEW: 3, SERVES: 2}),
        ({NEW: 1, SERVES: 3}, 5, {NEW: 2, SERVES: 3}),
        ({NEW: 3, SERVES: 3}, 2, {NEW: 2, SERVES: 0}),
        ({NEW: 3, SERVES: 3, STARTS: 1}, 6, {NEW: 3, SERVES: 3, STARTS: 0}),
    ],
)
def test_where_revisions_stand_side_by_side_what_serves_and_what_is_asked_for_goes_last(
    ready: Mapping[str, int], count: int, left: Mapping[str, int]
) -> None:
    world = external()
    keys = side_by_side(world, ready)
    world.scale_targets["a"] = count
    world.tick()
    assert {name: world.deployments[key].desired if key in world.deployments else 0 for name, key in keys.items()} == left


def test_of_revisions_side_by_side_one_that_somebody_else_writes_stays_as_it_is() -> None:
    world = external()
    keys = side_by_side(world, {NEW: 3, SERVES: 3}, owner="kubectl")
    world.scale_targets["a"] = 4
    world.tick()
    assert {name: world.deployments[key].desired for name, key in keys.items()} == {NEW: 1, SERVES: 3}


def test_while_one_pool_gets_a_revision_the_others_have_what_is_asked_for_there() -> None:
    world = external(a=Ground(speed=10), b=Ground(speed=10))
    world.scale_targets |= {"a": 2, "b": 2}
    world.tick(3)
    roll_out(world)
    assert world.memory.move is not None
    other = "b" if world.memory.move.target.pool == "a" else "a"
    assert standing(world, other) == 2
    world.scale_targets[other] = 4
    world.tick()
    assert world.memory.move is not None
    assert standing(world, other) == 4


def test_replicas_on_a_pool_that_does_not_exist_wait_for_somebody_to_act() -> None:
    world = external()
    world.scale_targets |= {"a": 0, "gone": 2}
    decision = world.tick()
    assert (decision.verdict, decision.reason) == ("Hold", Reason.NO_POOL)
    assert "asks for 2 replica(s) on pool gone, which does not exist" in decision.message
