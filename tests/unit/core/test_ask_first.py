"""Where a pool's autoscaler is asked, a move for cost makes nothing before it was answered, and ends without having paid where there is no room."""

from __future__ import annotations

from datetime import timedelta

import pytest

from steelyard.core.facts.capacity_request import Answer, Ask, CapacityRequest
from steelyard.core.facts.memory import MoveKind, Outcome, Step
from steelyard.core.facts.snapshot import ProbeFirst, Scaling
from steelyard.core.placing.quarantine import IN_VAIN_FIRST
from steelyard.core.vocabulary.reason import Reason
from unit.core.world import Ground, World, quick, ratio_claim


def asking(*answers: Answer, ask: Ask = Ask.CHECK_CAPACITY, **policy: object) -> World:
    """It serves on A, and B, which is asked first, is claimed to cost half."""
    other = Ground(speed=20, ask=ask, answers=answers)
    return World({"a": Ground(speed=10, claims=(ratio_claim(0.5, "b"),)), "b": other}, rate=24, policy=quick(**policy))


def until_it_asks(world: World) -> World:
    world.until(lambda: world.memory.move is not None and world.memory.move.asking)
    return world


def made_on(world: World, pool: str) -> bool:
    return any(key.pool == pool for key in world.deployments) or any(each.placement.key.pool == pool for each in world.probed)


def test_nothing_is_made_while_the_answer_is_awaited_and_the_source_is_sized_as_always() -> None:
    world = until_it_asks(asking())
    move = world.memory.move
    assert move is not None and move.step in {Step.SURGE, Step.PROBE}
    world.rate = 44
    world.tick(8)
    assert world.memory.move is not None and world.memory.move.asking
    assert not made_on(world, "b")
    assert world.count("a") >= 5, "what is missing is added where it serves"
    assert [(each.ask, each.count, each.move) for each in world.requests] == [(Ask.CHECK_CAPACITY, move.target_goal, move.id)]
    assert world.requests[0].placement.key == move.target


def test_with_room_the_move_goes_on_and_its_request_is_gone_before_a_replica_is_there() -> None:
    world = until_it_asks(asking(Answer.GIVEN))
    world.until(lambda: world.memory.move is not None and not world.memory.move.asking, most=4)
    assert world.capacity is None, "a booking beside the pods that it was for would make a second node come"
    world.until(lambda: world.moves()[-1:] == [("a", "b", Outcome.MOVED)], most=90)
    assert len(world.requests) == 1, "a move asks once"


def test_the_time_and_money_of_a_trial_count_from_the_answer_on() -> None:
    world = until_it_asks(asking(Answer.GIVEN))
    move = world.memory.move
    assert move is not None and move.kind is MoveKind.EXPLORATION
    world.until(lambda: world.memory.move is not None and not world.memory.move.asking, most=4)
    begun = world.memory.move
    assert begun is not None
    assert begun.started == begun.step_time > move.started
    assert begun.deadline - begun.started == move.deadline - move.started


def test_without_room_it_ends_at_once_and_nothing_was_paid() -> None:
    world = until_it_asks(asking(Answer.REFUSED))
    source = world.count("a")
    world.until(lambda: bool(world.ended), most=4)
    over = world.ended[-1]
    assert (over.outcome, over.reason, over.cost) == (Outcome.ROLLED_BACK, Reason.POOL_EXHAUSTED.value, 0.0)
    assert [(q.pool, q.reason) for q in world.memory.quarantine] == [("b", "PoolExhausted")]
    assert world.memory.quarantine[0].until - world.now <= IN_VAIN_FIRST
    assert any("the autoscaler says Refused" in note.message and note.warning for d in world.decisions for note in d.notes)
    assert not made_on(world, "b") and world.capacity is None
    assert world.count("a") == source
    world.grounds["b"].answers = (Answer.GIVEN,)
    world.until(lambda: world.moves()[-1:] == [("a", "b", Outcome.MOVED)], most=200)


def test_an_answer_that_never_comes_ends_it_at_the_deadline() -> None:
    world = until_it_asks(asking())
    deadline = world.memory.move.deadline  # type: ignore[union-attr]
    world.until(lambda: bool(world.ended), most=40)
    assert world.now - timedelta(minutes=2) <= deadline <= world.now
    assert (world.ended[-1].outcome, world.ended[-1].reason) == (Outcome.ROLLED_BACK, Reason.DEADLINE_PASSED.value)
    assert not made_on(world, "b") and world.capacity is None


def test_what_was_given_and_is_over_is_asked_for_again() -> None:
    world = until_it_asks(asking(Answer.OVER, Answer.OVER, Answer.GIVEN))
    world.until(lambda: world.memory.move is not None and not world.memory.move.asking, most=12)
    assert len(world.requests) == 3
    assert len({each.move for each in world.requests}) == 1


def test_an_answer_that_comes_while_nothing_is_read_waits_for_a_reading() -> None:
    world = until_it_asks(asking(Answer.GIVEN))
    world.seeing = False
    world.tick(5)
    assert world.memory.move is not None and world.memory.move.asking
    assert not made_on(world, "b")
    world.seeing = True
    world.until(lambda: world.memory.move is not None and not world.memory.move.asking, most=4)


def test_who_is_asked_no_more_keeps_nobody_waiting() -> None:
    world = until_it_asks(asking())
    world.grounds["b"].ask = None
    world.until(lambda: world.memory.move is not None and not world.memory.move.asking, most=3)
    assert world.capacity is None


@pytest.mark.parametrize("stop", ["frozen", "gone"])
def test_it_is_left_like_any_move_and_leaves_nothing(stop: str) -> None:
    world = until_it_asks(asking())
    if stop == "frozen":
        world.frozen = True
    else:
        world.grounds["b"].exists = False
    world.until(lambda: world.memory.move is None, most=3)
    assert world.ended[-1].outcome is Outcome.ROLLED_BACK
    assert not made_on(world, "b") and world.capacity is None


def test_a_scale_up_is_asked_for_the_first_replica_alone() -> None:
    world = until_it_asks(asking(ask=Ask.ATOMIC_SCALE_UP))
    world.tick()
    assert [each.count for each in world.requests] == [1]
    assert world.requests[0].seconds == 900


def test_a_probe_waits_for_the_answer_as_a_replica_does() -> None:
    world = until_it_asks(asking(Answer.AWAITED, probe=ProbeFirst.ALWAYS))
    assert world.memory.move is not None and world.memory.move.step is Step.PROBE
    world.tick(4)
    assert not world.probed
    world.grounds["b"].answers = (Answer.GIVEN,)
    world.capacity = CapacityRequest()
    world.until(lambda: bool(world.probed), most=4)


def test_repairs_and_rescues_and_new_revisions_ask_nobody() -> None:
    world = World({"a": Ground(ask=Ask.CHECK_CAPACITY), "b": Ground(price=4.0, ask=Ask.CHECK_CAPACITY)}, rate=5, scaling=Scaling(maximum=8))
    world.tick(10)
    world.rate = 24
    world.until(lambda: world.count("a") >= 3, most=10)
    world.wish = "another"
    world.until(lambda: world.memory.move is not None, most=10)
    assert world.memory.move is not None and world.memory.move.kind is MoveKind.REVISION
    world.until(lambda: world.memory.move is None, most=60)
    world.grounds["a"].late = 0.5
    world.until(lambda: world.memory.move is not None and world.memory.move.kind is MoveKind.RESCUE, most=60)
    world.until(lambda: world.count("b") > 0, most=10)
    assert not world.requests


def test_a_source_that_is_gone_while_it_asks_comes_back_and_the_target_is_not_made() -> None:
    world = until_it_asks(asking())
    key = next(iter(world.deployments))
    world.remove(key)
    world.tick()
    assert {each.pool for each in world.deployments} == {"a"}
    assert not made_on(world, "b")


def test_the_decision_says_that_it_asks_and_then_what_was_answered() -> None:
    world = until_it_asks(asking(Answer.GIVEN))
    assert "it has not answered" in world.tick().message
    world.until(lambda: world.memory.move is not None and not world.memory.move.asking, most=4)
    assert world.decisions[-1].message == "the autoscaler says Given"
    assert [note.message for note in world.decisions[-1].notes][-1].endswith("the autoscaler says Given")
    assert world.memory.last is not None and world.memory.last.message == "the autoscaler says Given"


def test_what_is_missing_may_be_added_on_the_pool_that_was_asked_and_the_move_is_over() -> None:
    world = until_it_asks(asking())
    world.grounds["a"].delivers = False
    world.rate = 60
    world.until(lambda: world.count("b") > 0, most=30)
    assert world.capacity is None
    world.tick(20)
    assert world.count("b") > 0, "what was added for the load stays"


def test_what_was_added_where_it_serves_stays_when_the_move_ends_without_room() -> None:
    world = until_it_asks(asking())
    world.rate = 44
    world.until(lambda: world.count("a") >= 5, most=10)
    grown = world.count("a")
    world.grounds["b"].answers = (Answer.REFUSED,)
    world.until(lambda: bool(world.ended), most=4)
    wanted = {key.pool: pods.desired for key, pods in world.deployments.items()}
    assert set(wanted) == {"a"} and wanted["a"] >= grown
