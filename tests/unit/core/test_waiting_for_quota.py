"""Replicas that wait for quota are neither slow nor a sign that their pool has no nodes: nobody is hurt by the wait, and it is told as what it is."""

from dataclasses import replace
from datetime import timedelta

import pytest

from steelyard.core.facts.memory import Outcome, Step
from steelyard.core.facts.probe import ProbeState
from steelyard.core.facts.snapshot import ModelVariant, ProbeFirst, Scaling
from steelyard.core.placing.analysis import analysis
from steelyard.core.placing.decision import Decision
from steelyard.core.placing.quarantine import IN_VAIN_FIRST, IN_VAIN_MOST
from steelyard.core.placing.repair import is_short, shortage
from steelyard.core.placing.supply import QUOTA_PATIENCE
from steelyard.core.vocabulary.reason import Reason
from unit.core.world import Ground, World, quick, ratio_claim

WORDS = "wait for quota of LocalQueue team"


def told(decision: Decision, kind: str) -> tuple[bool | None, Reason, str]:
    found = next(c for c in decision.conditions if c.type.value == kind)
    return found.status, found.reason, found.message


def before_a_move(**changes: object) -> World:
    """It serves on A, and B, which is cheaper as measured, has no quota."""
    world = World({"a": Ground(speed=10, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=20)}, rate=24)
    for name, value in changes.items():
        setattr(world, name, value)
    world.grounds["b"].quota = 0
    world.until(lambda: world.memory.move is not None and world.memory.move.step is Step.SURGE)
    return world


def moving_with_the_first_there() -> World:
    """A move to B that has one replica there, and quota for no second one."""
    world = World({"a": Ground(speed=10, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=20)}, rate=24)
    world.grounds["b"].quota = 1
    world.until(lambda: world.memory.move is not None and world.memory.move.step is Step.SURGE and world.count("b") == 1)
    world.until(lambda: any(world.queued(key) for key in world.deployments))
    return world


def test_a_move_that_waits_for_quota_says_so_and_takes_nothing_from_the_source() -> None:
    world = before_a_move()
    world.tick(2)
    serving = world.count("a")
    decision = world.tick(5)
    status, reason, message = told(decision, "Balanced")
    assert (status, reason) == (False, Reason.WAITING_FOR_QUOTA)
    assert WORDS in message and "flavor b" in message
    assert told(decision, "Ready")[:2] == (True, Reason.SERVING)
    assert world.count("a") == serving
    assert world.memory.move is not None


def test_a_move_goes_on_and_ends_once_there_is_quota() -> None:
    world = before_a_move()
    world.tick(10)
    world.grounds["b"].quota = 10
    world.until(lambda: world.serves_on == "b" and world.memory.move is None)
    assert world.moves()[-1] == ("a", "b", Outcome.MOVED)
    assert not world.memory.quarantine


def test_a_move_that_gets_no_quota_is_given_up_at_its_deadline_and_the_pool_is_neither_exhausted_nor_at_fault() -> None:
    world = before_a_move()
    world.until(lambda: bool(world.ended), most=40)
    assert world.ended[-1].reason == Reason.WAITING_FOR_QUOTA.value
    assert world.exhaustions["b"] is None
    assert [(q.pool, q.reason) for q in world.memory.quarantine] == [("b", "WaitingForQuota")]
    assert world.memory.quarantine[0].until - world.now <= IN_VAIN_FIRST
    assert world.serves_on == "a" and world.count("b") == 0
    assert not any(world.queued(key) for key in world.deployments), "nothing is left in the queue"
    assert {note.reason for d in world.decisions for note in d.notes if note.warning} <= {Reason.WAITING_FOR_QUOTA}


def test_a_target_that_got_half_of_its_quota_goes_back_with_the_source_intact() -> None:
    world = moving_with_the_first_there()
    assert told(world.tick(2), "Balanced")[1] is Reason.WAITING_FOR_QUOTA
    world.until(lambda: world.memory.move is None, most=60)
    assert world.ended[-1].outcome is Outcome.ROLLED_BACK
    assert world.ended[-1].reason == Reason.WAITING_FOR_QUOTA.value
    assert world.serves_on == "a" and world.count("a") >= 3


def test_what_has_its_quota_at_the_last_moment_has_all_of_the_time_to_start() -> None:
    world = moving_with_the_first_there()
    world.grounds["b"].start = 8
    move = world.memory.move
    assert move is not None
    world.until(lambda: world.now >= move.deadline - timedelta(minutes=2))
    world.grounds["b"].quota = 10
    world.tick(6)
    assert world.memory.move is not None and world.memory.move.step is Step.SURGE, (
        "its deadline is over, and it got its quota two minutes before"
    )
    world.until(lambda: world.memory.move is None)
    assert world.moves()[-1] == ("a", "b", Outcome.MOVED)


def test_the_time_that_a_start_may_take_after_the_quota_is_bounded() -> None:
    world = moving_with_the_first_there()
    move = world.memory.move
    assert move is not None
    world.grounds["b"].start = 1000
    world.until(lambda: world.now >= move.deadline - timedelta(minutes=2))
    world.grounds["b"].quota = 10
    world.until(lambda: world.memory.move is None, most=2 * world.policy.deadline_seconds // 60)
    assert world.ended[-1].reason == Reason.TARGET_NOT_READY.value


def test_the_queue_is_asked_again_after_a_pause_that_doubles_up_to_half_an_hour() -> None:
    world = before_a_move()
    world.policy = quick(cooldown_seconds=0)
    world.until(lambda: max((q.failures for q in world.memory.quarantine), default=0) >= 5, most=600)
    (entry,) = world.memory.quarantine
    assert entry.until - world.now <= IN_VAIN_MOST
    waits = [d.review for d in world.decisions if d.review is not None]
    refused = [f.refusal for r in waits for f in r.findings if f.refusal is not None and f.refusal.reason is Reason.WAITING_FOR_QUOTA]
    assert refused and "waited for quota in vain" in refused[0].message
    world.grounds["b"].quota = 10
    world.until(lambda: world.serves_on == "b" and world.memory.move is None, most=200)


def test_a_crash_after_that_counts_as_the_first() -> None:
    world = before_a_move()
    world.policy = quick(cooldown_seconds=0)
    world.until(lambda: max((q.failures for q in world.memory.quarantine), default=0) >= 3, most=600)
    world.grounds["b"].quota, world.grounds["b"].crashes = 10, True
    world.until(lambda: any(q.reason == "TargetCrashed" for q in world.memory.quarantine), most=200)
    assert [(q.reason, q.failures) for q in world.memory.quarantine] == [("TargetCrashed", 1)]


def test_a_first_placement_without_quota_goes_where_there_is_some() -> None:
    world = World({"cheap": Ground(quota=0, claims=(ratio_claim(0.5, "dear"),)), "dear": Ground(price=2.0)}, rate=5)
    world.tick(2)
    assert told(world.decisions[-1], "Placed")[1] in {Reason.WAITING_FOR_QUOTA, Reason.PLACING}
    world.until(lambda: world.count("dear") >= 1, most=QUOTA_PATIENCE // timedelta(minutes=1) + 4)
    assert world.exhaustions["cheap"] is None
    assert any(note.reason is Reason.WAITING_FOR_QUOTA and WORDS in note.message for d in world.decisions for note in d.notes)


def test_a_workload_with_one_pool_stays_in_the_queue_and_asks_nobody_for_nodes() -> None:
    world = World({"only": Ground(quota=0)}, rate=5)
    decision = world.tick(30)
    assert sum(pods.desired for pods in world.deployments.values()) >= 1
    assert told(decision, "Placed")[:2] == (False, Reason.WAITING_FOR_QUOTA)
    assert told(decision, "Ready")[1] is Reason.WAITING_FOR_QUOTA
    assert not world.memory.quarantine, "it was not let go of"
    seen = analysis(world.looked_at, world.now)
    assert not is_short(seen, shortage(seen)), "nodes that others give back are no quota"
    world.grounds["only"].quota = 5
    world.until(lambda: world.count("only") >= 1, most=3)


def grown(quota: int) -> World:
    """It serves on the cheap pool, has quota for so many replicas there, and its load has grown beyond them."""
    world = World(
        {"cheap": Ground(claims=(ratio_claim(0.5, "dear"),)), "dear": Ground(price=2.0)},
        rate=24,
        scaling=Scaling(maximum=8),
        policy=quick(cooldown_seconds=86_400),
    )
    world.until(lambda: {k.pool for k in world.memory.known if k.capacity} == {"cheap", "dear"} and world.memory.move is None, most=400)
    world.until(lambda: world.serves_on == "cheap" and world.count("dear") == 0 and world.memory.move is None, most=400)
    world.tick(10)
    world.grounds["cheap"].quota = quota
    world.rate = 40
    return world


def test_replicas_beyond_the_quota_are_added_elsewhere_and_leave_the_queue() -> None:
    world = grown(quota=4)
    world.until(lambda: world.count("dear") >= 1, most=10)
    assert world.count("cheap") == 4, "what serves stays"
    assert not any(world.queued(key) for key in world.deployments)
    assert sum(pods.desired for pods in world.deployments.values()) <= world.scaling.maximum
    assert [q.reason for q in world.memory.quarantine if q.pool == "cheap"] == ["WaitingForQuota"]


def test_while_the_queue_rests_a_growing_load_goes_elsewhere_at_once() -> None:
    world = grown(quota=4)
    world.until(lambda: any(q.pool == "cheap" for q in world.memory.quarantine), most=10)
    world.tick()
    world.rate = 50
    for _ in range(2):
        world.tick()
        assert not any(world.queued(key) for key in world.deployments), "the pause is not over"
    world.until(lambda: world.count("dear") >= 2, most=5)


@pytest.mark.parametrize("speed", [20, 8])
def test_a_new_revision_needs_quota_for_one_replica_more_and_the_old_one_serves_until_then(speed: float) -> None:
    world = World({"only": Ground(speed=speed)}, rate=24)
    world.tick(10)
    old = world.count("only")
    world.grounds["only"].quota = old
    world.wish = "another"
    world.until(lambda: bool(world.memory.quarantine), most=60)
    decision = world.tick()
    assert (decision.reason, world.count("only")) == (Reason.WAITING_FOR_QUOTA, old)
    assert "the new revision waited for quota on pool only in vain" in decision.message
    world.grounds["only"].quota = old + 1
    world.until(lambda: world.memory.move is None and world.moves()[-1:] == [("only", "only", Outcome.MOVED)], most=200)


def test_another_variant_is_not_opened_on_a_pool_whose_quota_is_used_up() -> None:
    world = World({"a": Ground(), "a.int8": Ground(speed=9)}, rate=24, variants=(ModelVariant(name="int8", dtype="int8"),))
    world.tick(10)
    here = next(key.pool for key, pods in world.deployments.items() if pods.desired)
    world.grounds[here].quota = world.count(here)
    world.rate = 60
    world.tick(8)
    assert {key.pool for key, pods in world.deployments.items() if pods.desired} == {here}


def test_a_probe_whose_job_ended_without_quota_has_found_nothing_out() -> None:
    world = World(
        {"a": Ground(speed=10, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=20, quota=0)},
        rate=24,
        policy=quick(probe=ProbeFirst.ALWAYS),
    )
    world.until(lambda: world.probe is not None)
    assert world.probe is not None
    world.probe = replace(world.probe, state=ProbeState.FAILED, queued=True, message="its pod had to wait for quota")
    world.until(lambda: bool(world.ended), most=10)
    assert world.ended[-1].reason == Reason.WAITING_FOR_QUOTA.value


@pytest.mark.parametrize("quota", [0, 10])
def test_a_probe_that_waits_for_quota_fails_nothing(quota: int) -> None:
    policy = quick(probe=ProbeFirst.ALWAYS)
    world = World({"a": Ground(speed=10, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=20, quota=quota)}, rate=24, policy=policy)
    world.until(lambda: bool(world.ended) or (world.serves_on == "b" and world.memory.move is None), most=120)
    if quota:
        assert world.moves()[-1][:2] == ("a", "b") and world.ended[-1].reason != Reason.WAITING_FOR_QUOTA.value
        return
    assert world.ended[-1].reason == Reason.WAITING_FOR_QUOTA.value
    assert [(q.pool, q.reason) for q in world.memory.quarantine] == [("b", "WaitingForQuota")]
