"""A pool that is short of nodes, and what the fleet's plan has there: the gate, and who asks for what."""

from datetime import timedelta

import pytest

from steelyard.core.facts.memory import MoveKind, Outcome, Step
from steelyard.core.facts.snapshot import Mode
from steelyard.core.placing.analysis import analysis
from steelyard.core.rebalancing.chain import COST_MOVE, review
from steelyard.core.rebalancing.gates.cooldown import cooling_down
from steelyard.core.rebalancing.gates.scarcity import pool_full, pool_scarce
from steelyard.core.rebalancing.propose import Considered, wished
from steelyard.core.vocabulary.reason import Reason
from unit.core.proposals import passing, past
from unit.core.world import Ground, World, quick


@pytest.mark.parametrize(
    ("planned", "worth", "refused"),
    [
        (0, 0.0, False),  # not short
        (None, 1.1, False),  # no answer of the plan: the saving tells
        (0, 0.1, True),  # left out, whatever it saves
        (1, 2.1, False),  # what it takes beyond that is in the saving
    ],
)
def test_a_pool_where_the_plan_has_nothing_for_the_workload_is_left_to_others(planned: int | None, worth: float, refused: bool) -> None:
    refusal = pool_scarce(passing(planned=planned, node_worth=worth))
    assert (refusal is not None) == refused
    assert refusal is None or refusal.reason is Reason.POOL_SCARCE


@pytest.mark.parametrize(
    ("room", "added", "words"), [(0, 1, "hold all that there may be"), (1, 3, "room for 1 replica"), (3, 3, None), (2, 1, None)]
)
def test_a_pool_with_room_for_less_than_a_move_adds_is_full(room: int, added: int, words: str | None) -> None:
    refusal = pool_full(passing(room=room, added=added))
    assert (refusal is None) == (words is None)
    assert refusal is None or (refusal.reason is Reason.POOL_SCARCE and (words or "") in refusal.message)


def test_a_move_takes_what_others_leave_room_for_and_waits_for_no_more() -> None:
    world = World({"dear": Ground(price=2.0), "cheap": Ground(price=0.5, nodes=3, held=3.0)}, rate=40.0)
    world.tick(10)
    world.grounds["cheap"].held = 1.0
    wanted: list[int] = []

    def moved() -> bool:
        wanted.append(world.count("cheap"))
        return any(move.outcome is Outcome.MOVED for move in world.ended)

    world.until(moved)
    assert max(wanted) == 2
    assert world.count("cheap") == 2
    assert world.count("dear") >= 2


def test_a_trial_goes_on_to_no_move_for_which_others_leave_no_room() -> None:
    world = World({"dear": Ground(price=2.0), "cheap": Ground(price=0.5, nodes=40, held=40.0)}, rate=40.0)
    world.tick(10)
    world.grounds["cheap"].held = 38.0
    world.until(lambda: bool(world.ended))
    (tried,) = world.ended
    assert (tried.kind, tried.outcome) == (MoveKind.EXPLORATION, Outcome.EXPLORED)
    assert any("2 are left there by other workloads" in note.message for decision in world.decisions for note in decision.notes)


@pytest.mark.parametrize(("room", "fits"), [(0, False), (2, False), (3, True)])
def test_a_move_that_does_not_fit_waits_for_room_whatever_a_part_of_it_would_find(room: int, fits: bool) -> None:
    world = World({"a": Ground()})
    world.tick(5)
    asked_for = passing(room=room, added=3)
    (wish,) = wished(
        Considered(target=analysis(world.snapshot(), world.now).option("a"), proposal=asked_for, review=review(COST_MOVE, asked_for)), 3
    )
    assert wish.room is fits


def test_what_others_take_while_a_move_goes_on_is_left_to_them() -> None:
    world = World({"dear": Ground(price=2.0), "cheap": Ground(price=0.5, nodes=8, held=8.0)}, rate=40.0)
    world.tick(10)
    world.grounds["cheap"].held = 0.0
    world.until(lambda: world.memory.move is not None and world.memory.move.kind is MoveKind.REBALANCE)
    assert world.count("cheap") <= 2
    world.grounds["cheap"].held = 6.0
    world.until(lambda: world.memory.move is None)
    assert world.ended[-1].outcome is Outcome.MOVED
    assert world.count("cheap") == 2
    assert world.count("dear") >= 2


def asked(world: World) -> set[str]:
    demand = world.tick().demand
    assert demand is not None
    return {offer.pool for offer in demand.problem.offers}


def test_who_may_not_move_asks_for_nothing_elsewhere() -> None:
    world = World({"a": Ground(speed=10), "b": Ground(speed=20)}, rate=24, policy=quick(mode=Mode.RECOMMEND))
    world.tick(12)
    assert asked(world) == {"a"}
    world.policy = quick(paused=True)
    assert asked(world) == {"a"}
    world.policy, world.frozen = quick(), True
    assert asked(world) == {"a"}
    world.frozen = False
    assert asked(world) == {"a", "b"}


def test_what_a_drained_pool_carried_is_missing_and_the_rest_is_not_taken_for_the_load() -> None:
    world = World({"a": Ground(speed=10), "b": Ground(speed=20)}, rate=24)
    world.until(lambda: world.memory.move is not None and world.memory.move.step is Step.DRAIN)
    while world.memory.move is not None:
        assert world.tick().demand is None
    world.tick(2)
    demand = world.decisions[-1].demand
    assert demand is not None
    assert demand.problem.load == pytest.approx(24, rel=0.3)


def test_who_makes_room_for_one_that_is_not_served_does_not_rest_first() -> None:
    lately = (past("b", "a", timedelta(minutes=5)),)
    assert cooling_down(passing(history=lately)) is not None
    assert cooling_down(passing(history=lately, frees=True)) is None
