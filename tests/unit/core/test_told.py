"""What is ordered is told: an event for each, and a record of another number of replicas."""

import pytest

from steelyard.core.facts.memory import Memory
from steelyard.core.facts.snapshot import Scaling
from steelyard.core.vocabulary.condition import Condition, ConditionType
from steelyard.core.vocabulary.reason import Reason, Refusal
from unit.core.world import Ground, World, quick


def test_another_number_of_replicas_is_another_decision() -> None:
    """Though the reason is the same all the while: what is ordered has to settle first."""
    world = World({"a": Ground(speed=10, start=30)}, rate=8.0)
    world.tick(40)
    world.rate = 16.0
    world.until(lambda: world.decisions[-1].intent.scale)
    first, then = world.decisions[-1], None
    world.rate = 40.0
    world.tick()
    world.until(lambda: world.decisions[-1].intent.scale)
    then = world.decisions[-1]
    assert (first.verdict, first.reason) == (then.verdict, then.reason)
    assert first.memory.last != then.memory.last


def test_every_order_has_an_event_also_for_what_a_lost_status_leaves_over() -> None:
    world = World({"a": Ground(speed=10), "b": Ground(speed=20)}, rate=24, policy=quick())
    world.until(lambda: world.memory.move is not None and len([k for k in world.deployments if world.ready(k)]) == 2)
    world.memory = Memory()
    begun = len(world.decisions)
    world.until(lambda: len(world.deployments) == 1)
    ordered = [d for d in world.decisions[begun:] if d.intent.create or d.intent.scale or d.intent.gone]
    assert ordered
    assert all(d.notes for d in ordered)
    removed = [n.reason for d in ordered for n in d.notes].count(Reason.REMOVED)
    assert removed == sum(len(d.intent.gone) for d in ordered) > 0


def told(world: World, kind: ConditionType) -> Condition:
    return next(c for c in world.decisions[-1].conditions if c.type is kind)


def placed(world: World) -> Condition:
    return told(world, ConditionType.PLACED)


def test_what_costs_more_than_asked_for_is_told_and_serves_on() -> None:
    world = World({"a": Ground(speed=10)}, rate=24.0)
    world.tick(60)
    assert placed(world).reason is Reason.PLACED
    (known,) = world.memory.known
    assert known.unit_cost is not None
    cost = known.unit_cost.interval
    world.max_unit_cost = (cost.lower + cost.point) / 2
    world.tick()
    assert placed(world).reason is Reason.PLACED, "it may be within what was asked for"
    world.max_unit_cost = 0.9 * cost.lower
    stood = dict(world.decisions[-1].desired)
    world.tick(20)
    said = placed(world)
    assert (said.status, said.reason) == (True, Reason.ABOVE_MAX_UNIT_COST)
    assert "more on a than spec.objective.maxUnitCost" in said.message
    assert world.decisions[-1].desired == stood
    assert {c.message for d in world.decisions[-10:] for c in d.conditions if c.type is ConditionType.PLACED} == {said.message}


def test_of_equal_pools_none_is_said_to_become_the_cheapest_at_the_price_that_it_has() -> None:
    world = World({"a": Ground(speed=10), "b": Ground(speed=10)}, rate=8.0, policy=quick(paused=True))
    world.tick(20)
    assert world.memory.last is not None
    lines = world.memory.last.options
    assert len({line.cost_per_hour for line in lines}) == 1
    assert {line.cheapest_below for line in lines} == {None}
    world.grounds["b"].price = 1.5
    world.memory = Memory()
    world.tick()
    assert world.memory.last is not None
    (below,) = (line.cheapest_below for line in world.memory.last.options if line.pool == "b")
    assert below is not None
    assert below < 1.5


def test_replicas_that_wait_for_a_node_are_told_apart_from_those_that_start() -> None:
    world = World({"a": Ground(speed=10, start=60)}, rate=8.0)
    world.tick(2)
    assert placed(world).reason is Reason.PLACING
    world = World({"a": Ground(speed=10, delivers=False)}, rate=8.0)
    world.tick(3)
    said = placed(world)
    assert (said.status, said.reason) == (False, Reason.UNPLACED)
    assert said.message == "replicas on pool a wait: no node has room for them"


def test_an_ordinary_start_warns_of_nothing_and_holds_nothing() -> None:
    """Replicas are ready before anybody can have read them."""
    world = World({"a": Ground(speed=10)}, rate=8.0, pending=True)
    world.tick(3)
    assert world.count("a") == 1
    said = {c.type: (c.status, c.reason) for c in world.decisions[-1].conditions}
    assert said[ConditionType.HELD] == (False, Reason.NOT_HELD)
    assert said[ConditionType.OBSERVED] == (None, Reason.WAITING)
    world.pending = False
    world.tick(10)
    assert [note for d in world.decisions for note in d.notes if note.warning] == []


def test_what_cannot_be_read_warns_once() -> None:
    world = World({"a": Ground(speed=10)}, rate=8.0, seeing=False)
    world.tick(10)
    assert [n.reason for d in world.decisions for n in d.notes if n.warning] == [Reason.OBSERVATIONS_STALE]


def test_what_a_person_has_paused_is_told_and_warns_of_nothing() -> None:
    world = World({"a": Ground(speed=10), "b": Ground(speed=20)}, rate=8.0, policy=quick(paused=True))
    world.tick(20)
    notes = [n for d in world.decisions for n in d.notes]
    assert Reason.FROZEN in [n.reason for n in notes], "it is told"
    assert [n for n in notes if n.warning] == []


MISSING = Refusal(Reason.SECRET_MISSING, "a replica on pool a waits for Secret s, which namespace n does not have")


def test_what_keeps_replicas_from_serving_is_what_ready_and_placed_say() -> None:
    world = World({"a": Ground(speed=10, trouble=MISSING)}, rate=8.0)
    world.tick(3)
    for kind in (ConditionType.READY, ConditionType.PLACED):
        assert told(world, kind) == Condition(kind, False, MISSING.reason, MISSING.message)
    world.grounds["a"].trouble = None
    world.tick(3)
    assert placed(world).reason is Reason.PLACED


def test_a_node_that_is_lost_under_some_replicas_is_told_before_what_follows_of_it() -> None:
    world = World({"a": Ground(speed=10)}, rate=8.0, scaling=Scaling(minimum=2))
    world.until(lambda: world.count("a") == 2)
    lost = Refusal(Reason.NODE_NOT_READY, "node n of pool a is not ready")
    world.kill("a", most=1)
    world.grounds["a"].start = 1_000_000
    world.grounds["a"].trouble, world.grounds["a"].delivers = lost, False
    world.tick()
    assert placed(world) == Condition(ConditionType.PLACED, False, lost.reason, lost.message)


def test_what_keeps_the_target_of_a_move_from_serving_is_told_beside_its_step() -> None:
    world = World({"a": Ground(speed=10), "b": Ground(speed=20)}, rate=24.0)
    world.grounds["b"].trouble = MISSING
    world.until(lambda: world.memory.move is not None)
    world.tick(2)
    said = told(world, ConditionType.BALANCED)
    assert (said.status, said.reason) == (False, Reason.SECRET_MISSING)
    assert said.message == f"exploration from a to b: Surge; {MISSING.message}"
    assert placed(world).status is True


def test_a_compile_that_waits_for_somebody_is_not_waited_for_where_another_pool_can_serve() -> None:
    waits = Refusal(Reason.SECRET_MISSING, "its Job waits for Secret s")
    world = World({"a": Ground(price=0.1, compiled=False, waits=waits), "b": Ground()}, rate=8.0)
    world.tick(3)
    assert world.serves_on == "b"
    said = told(world, ConditionType.COMPILED)
    assert (said.status, said.reason) == (False, Reason.SECRET_MISSING)
    assert said.message == "the compile for on-a on pool a: its Job waits for Secret s"


def test_a_compile_that_waits_for_somebody_holds_the_workload_and_warns_once_where_nothing_else_can_serve() -> None:
    waits = Refusal(Reason.SECRET_MISSING, "its Job waits for Secret s")
    world = World({"a": Ground(compiled=False, waits=waits)}, rate=8.0)
    world.tick(4)
    for kind in (ConditionType.READY, ConditionType.COMPILED, ConditionType.PLACED, ConditionType.HELD):
        assert (told(world, kind).reason, "Secret s" in told(world, kind).message) == (Reason.SECRET_MISSING, True)
    assert [n.reason for d in world.decisions for n in d.notes if n.warning] == [Reason.SECRET_MISSING]
    world.grounds["a"].compiled = True
    world.until(lambda: world.count("a") == 1)


@pytest.mark.parametrize(
    ("reason", "message"),
    [(Reason.UNPLACED, "no node has room for its Job"), (Reason.COMPILING, "it waits for 2 others to end")],
)
def test_a_compile_that_comes_by_itself_is_waited_for_and_says_for_what_it_waits(reason: Reason, message: str) -> None:
    world = World({"a": Ground(price=0.1, compiled=False, waits=Refusal(reason, message)), "b": Ground()}, rate=8.0)
    world.tick(3)
    assert (world.serves_on, world.decisions[-1].verdict) == (None, "Wait")
    for kind in (ConditionType.READY, ConditionType.COMPILED):
        assert told(world, kind) == Condition(kind, False, reason, f"the compile for on-a on pool a: {message}")


def test_a_pool_whose_compile_ends_is_shown_as_it_is_though_the_verdict_stays() -> None:
    world = World({"a": Ground(), "b": Ground(compiled=False)}, rate=8.0, policy=quick(paused=True))
    world.tick(30)

    def shown() -> tuple[str, bool, str]:
        last = world.memory.last
        assert last is not None
        (line,) = (option for option in last.options if option.pool == "b")
        return last.reason, line.feasible, line.reason

    before = world.memory.last
    assert shown() == ("Frozen", False, "Compiling")
    world.grounds["b"].compiled = True
    world.tick()
    assert shown() == ("Frozen", True, "")
    after = world.memory.last
    world.tick(5)
    assert world.memory.last == after != before, "one write"


def test_families_that_are_asked_for_and_not_there_are_told_before_anything_was_measured_and_what_can_be_served_is() -> None:
    world = World({"a": Ground(family="cpu", compiled=False), "b": Ground(family="nvidia", selected=False)}, rate=8.0, min_families=2)
    world.tick()
    said = told(world, ConditionType.BALANCED)
    assert (said.status, said.reason) == (False, Reason.TOO_FEW_FAMILIES)
    assert "the pools that may be used are of cpu: lower it" in said.message
    world.grounds["a"].compiled = True
    world.until(lambda: world.count("a") == 1)
    world.grounds["b"].selected = True
    world.tick(3)
    assert told(world, ConditionType.BALANCED).reason is not Reason.TOO_FEW_FAMILIES


@pytest.mark.parametrize("asked", [1, 2])
def test_where_no_pool_may_be_used_no_number_of_families_is_named_for_it(asked: int) -> None:
    for grounds in ({}, {"a": Ground(selected=False)}):
        world = World(grounds, rate=8.0, min_families=asked)
        world.tick()
        assert told(world, ConditionType.BALANCED).reason is Reason.PLACING


def test_a_family_that_may_take_a_part_of_the_load_alone_is_there() -> None:
    world = World({"a": Ground(family="cpu"), "b": Ground(family="nvidia", spot=True)}, rate=8.0, min_families=2, max_spot_percent=50)
    world.tick(3)
    assert told(world, ConditionType.BALANCED).reason is not Reason.TOO_FEW_FAMILIES
