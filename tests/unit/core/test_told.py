"""What is ordered is told: an event for each, and a record of another number of replicas."""

from steelyard.core.condition import Condition, ConditionType
from steelyard.core.memory import Memory
from steelyard.core.rebalancing.reason import Reason
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


def placed(world: World) -> Condition:
    return next(c for c in world.decisions[-1].conditions if c.type is ConditionType.PLACED)


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
    told = placed(world)
    assert (told.status, told.reason) == (True, Reason.ABOVE_MAX_UNIT_COST)
    assert "more on a than spec.objective.maxUnitCost" in told.message
    assert world.decisions[-1].desired == stood
    assert {c.message for d in world.decisions[-10:] for c in d.conditions if c.type is ConditionType.PLACED} == {told.message}


def test_replicas_that_wait_for_a_node_are_told_apart_from_those_that_start() -> None:
    world = World({"a": Ground(speed=10, start=60)}, rate=8.0)
    world.tick(2)
    assert placed(world).reason is Reason.PLACING
    world = World({"a": Ground(speed=10, delivers=False)}, rate=8.0)
    world.tick(3)
    told = placed(world)
    assert (told.status, told.reason) == (False, Reason.UNPLACED)
    assert told.message == "replicas on pool a wait: no node has room for them"


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
