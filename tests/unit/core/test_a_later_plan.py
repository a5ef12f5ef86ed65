"""A move that has begun ends as the plan of its beginning had it: a later plan that has others on its nodes is as good for the fleet, and a move that
goes back is good for nobody."""

from dataclasses import replace

from steelyard.core.decide import decide
from steelyard.core.facts.memory import MoveKind, Outcome, Step
from steelyard.core.facts.snapshot import FleetTarget
from steelyard.core.placing.analysis import analysis
from steelyard.core.placing.ask import demand
from steelyard.core.placing.compared import cost_test
from steelyard.core.planning.demand import Demand
from unit.core.world import Ground, World, quick


def moving(step: Step) -> World:
    """From a to b, where a request costs half as much."""
    world = World({"a": Ground(speed=10), "b": Ground(speed=20)}, rate=48, policy=quick(bake_seconds=900))
    world.until(lambda: world.memory.move is not None and world.memory.move.kind is MoveKind.REBALANCE and world.memory.move.step is step)
    return world


def asked(world: World) -> Demand:
    found = demand(analysis(world.snapshot(), world.now))
    assert found is not None
    return found


def test_scarcity_that_came_meanwhile_sends_no_move_back() -> None:
    world = moving(Step.BAKE)
    left = {"a": sum(d for key, d in world.decisions[-1].desired.items() if key.pool == "a")}
    while world.memory.move is not None and world.memory.move.step is Step.BAKE:
        later = replace(world.snapshot(), target=FleetTarget(replicas=left, scarcity={"b": 50.0}))
        move = decide(later, world.now).memory.move
        assert move is not None
        assert move.step is not Step.BACK, move.message
        world.tick()
    world.until(lambda: world.memory.move is None)
    assert world.ended[-1].outcome is Outcome.MOVED


def test_what_left_nodes_that_others_waited_for_is_not_found_dear_once_the_plan_leaves_them_to_it() -> None:
    world = moving(Step.BAKE)
    world.tick(8)
    move = world.memory.move
    assert move is not None and move.step is Step.BAKE

    def ratio(target: FleetTarget | None) -> float:
        found = cost_test(analysis(replace(world.snapshot(), target=target), world.now), move).ratio
        assert found is not None
        return found.point

    left = {"a": move.source_replicas}
    assert ratio(FleetTarget(replicas=left, scarcity={"a": 50.0})) < 0.1 * ratio(None)
    assert ratio(FleetTarget(replicas=left, scarcity={})) == ratio(None)


def test_nodes_that_a_move_has_yet_to_take_are_asked_for_until_it_goes_back() -> None:
    world = moving(Step.SURGE)
    move = world.memory.move
    assert move is not None
    world.memory = replace(world.memory, move=replace(move, target_goal=move.target_goal + 2))
    assert asked(world).running["b"] == move.target_goal + 2
    world.memory = replace(world.memory, move=replace(move, step=Step.BACK, target_goal=move.target_goal + 2))
    assert world.snapshot().memory.move is not None
    going_back = demand(analysis(world.snapshot(), world.now))
    assert going_back is None or going_back.running.get("b", 0) < move.target_goal + 2
