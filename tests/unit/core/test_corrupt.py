"""An artifact that pods refuse is compiled again, not for ever, and what was made of the old one gives way to what can start."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from steelyard.core.compiling.attempt import Attempts, Built, Failure, FailureClass, NoJob, Running, next_attempt
from steelyard.core.compiling.corrupt import FIRST_PAUSE, LASTED, LONGEST_PAUSE, Refused, reopened
from steelyard.core.facts.memory import MoveKind
from steelyard.core.vocabulary.reason import Reason
from unit.core.world import Ground, World

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MOMENT = timedelta(seconds=1)
BUILT = Built(uri="s3://a/k/manifest.json", digest="sha256:0", size_bytes=1, seconds=2.0)
STANDING = Attempts(count=1, built=BUILT, built_at=NOW)


def refused(at: datetime, pod: str = "p", **changes: str) -> Refused:
    word = Refused(pod=pod, uri=BUILT.uri, digest=BUILT.digest, started=at, reason="ArtifactCorrupt", message="one byte is wrong")
    return replace(word, **changes)


# --- when a compile is opened again ---------------------------------------------------------------------------------------------------


def test_what_stands_and_nobody_refuses_stays() -> None:
    assert reopened(STANDING, (), NOW + LASTED) == STANDING


def test_a_pod_that_refuses_it_opens_the_compile_again_at_once() -> None:
    now = NOW + MOMENT
    after = reopened(STANDING, [refused(now)], now)
    assert after.built is None
    assert after.failure == Failure(
        failure_class=FailureClass.CORRUPT, reason="ArtifactCorrupt", message="pod p refused the artifact: one byte is wrong"
    )
    begun, start = next_attempt(after, BUILT, now, may_start=True)
    assert start is not None
    assert (begun.count, begun.open) == (2, True), "what the last Job said is not the answer to this"


def test_of_many_pods_one_compile_and_the_same_words_whatever_their_order() -> None:
    now = NOW + 5 * MOMENT
    told = [refused(NOW + k * MOMENT, f"p{k}") for k in (3, 1, 2)]
    after = reopened(STANDING, told, now)
    assert after == reopened(STANDING, reversed(told), now)
    begun, _ = next_attempt(after, NoJob(), now, may_start=True)
    assert reopened(begun, told, now) == begun, "while it is being answered nothing is opened"


def test_words_from_before_the_artifact_stood_have_been_answered() -> None:
    assert reopened(STANDING, [refused(NOW - MOMENT), refused(NOW)], NOW + LASTED) == STANDING


@pytest.mark.parametrize("other", [{"digest": "sha256:1"}, {"uri": "s3://b/k/manifest.json"}])
def test_words_about_another_artifact_than_the_one_that_stands_say_nothing_of_it(other: dict[str, str]) -> None:
    assert reopened(STANDING, [refused(NOW + MOMENT, **other)], NOW + LASTED) == STANDING


def test_without_knowing_since_when_it_stands_nothing_is_opened() -> None:
    unknown = replace(STANDING, built_at=None)
    assert reopened(unknown, [refused(NOW)], NOW) == unknown


def corrupt_again(attempts: Attempts, now: datetime) -> Attempts:
    """The compile is done at `now`, and a pod refuses what came of it a second later."""
    attempts, _ = next_attempt(attempts, NoJob(), now, may_start=True)
    attempts, _ = next_attempt(attempts, BUILT, now, may_start=True)
    return reopened(attempts, [refused(now + MOMENT)], now + MOMENT)


def test_a_store_that_corrupts_everything_is_compiled_for_ever_more_seldom() -> None:
    attempts, pauses = STANDING, []
    now = NOW
    for _ in range(12):
        attempts = corrupt_again(attempts, now)
        assert attempts.retry_at is not None
        pauses.append(attempts.retry_at - now - MOMENT)
        early, start = next_attempt(attempts, NoJob(), attempts.retry_at - MOMENT, may_start=True)
        assert (early, start) == (attempts, None) or pauses[-1] == timedelta(0)
        now = attempts.retry_at
    assert pauses[:4] == [timedelta(0), FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE


def test_an_artifact_that_lasted_is_a_first_time_again() -> None:
    attempts = corrupt_again(corrupt_again(STANDING, NOW), NOW + LASTED)
    attempts, _ = next_attempt(attempts, NoJob(), NOW + 2 * LASTED, may_start=True)
    attempts, _ = next_attempt(attempts, BUILT, NOW + 2 * LASTED, may_start=True)
    later = NOW + 3 * LASTED
    assert reopened(attempts, [refused(later)], later).retry_at == later


def test_a_compile_that_fails_meanwhile_keeps_count_of_what_was_corrupt() -> None:
    attempts = corrupt_again(STANDING, NOW)
    attempts, _ = next_attempt(attempts, NoJob(), NOW + LASTED, may_start=True)
    failed = Failure(failure_class=FailureClass.INFRASTRUCTURE, reason="R", message="m")
    attempts, _ = next_attempt(attempts, failed, NOW + LASTED, may_start=True)
    assert attempts.corruptions == 1
    assert reopened(attempts, [refused(NOW + LASTED)], NOW + LASTED) == attempts
    assert next_attempt(replace(attempts, open=True), Running(), NOW, may_start=True)[0].corruptions == 1


# --- what becomes of what serves ------------------------------------------------------------------------------------------------------


def settled(**grounds: Ground) -> World:
    """A workload that serves on pool a and has been measured there."""
    world = World(grounds or {"a": Ground()}, rate=15)
    world.until(lambda: world.memory.known != () and world.decisions[-1].verdict == "Stay")
    world.tick(5)
    assert world.serves_on == "a"
    return world


def revisions(world: World) -> list[str]:
    return [key.revision for key in world.deployments]


def test_healthy_replicas_are_left_alone_while_their_artifact_is_compiled_again() -> None:
    world = settled()
    before = {key: pods.ages[0] for key, pods in world.deployments.items()}
    world.grounds["a"].corrupt = True
    world.tick(10)
    world.grounds["a"].corrupt = False
    world.tick(10)
    after = {key: pods.ages[0] for key, pods in world.deployments.items()}
    assert after == {key: age + 20 for key, age in before.items()}
    assert world.memory.move is None


def test_replicas_come_back_by_themselves_where_the_compile_gave_the_same_bytes() -> None:
    world = settled()
    before = revisions(world)
    world.grounds["a"].corrupt = True
    world.kill("a")
    world.tick(5)
    assert world.count("a") == 0
    world.grounds["a"].corrupt = False
    world.tick(3)
    assert world.count("a") > 0
    assert revisions(world) == before


def test_where_nothing_serves_and_the_compile_gave_other_bytes_the_new_revision_is_made_at_once() -> None:
    world = settled()
    old = revisions(world)
    world.grounds["a"].corrupt = True
    world.kill("a")
    world.tick(5)
    world.grounds["a"].corrupt, world.grounds["a"].build = False, 1
    decision = world.tick()
    assert decision.verdict == "Place"
    assert [note.reason for note in decision.notes] == [Reason.PLACING]
    assert world.memory.allocation[0].revision not in old
    assert [pods.desired for key, pods in world.deployments.items() if key.revision in old] == [0], "they hold nodes and serve nothing"
    world.until(lambda: world.count("a") > 0, most=3)
    world.until(lambda: len(world.deployments) == 1)
    assert revisions(world) == [world.memory.allocation[0].revision]
    assert world.memory.quarantine == ()


def test_replicas_that_serve_yet_are_replaced_step_by_step_by_what_can_be_started() -> None:
    world = settled()
    serving = world.count("a")
    world.grounds["a"].build = 1
    decision = world.tick()
    assert world.memory.move is not None
    assert (world.memory.move.kind, decision.verdict) == (MoveKind.REVISION, "Move")
    while world.memory.move is not None:
        world.tick()
        assert world.count("a") >= serving
    assert revisions(world) == [world.memory.allocation[0].revision]
    world.kill("a")
    world.tick(3)
    assert world.count("a") > 0, "what stands now can be started"


def test_a_part_that_can_not_be_started_is_no_reason_to_touch_the_rest_while_the_compile_runs() -> None:
    world = settled()
    world.until(lambda: world.count("a") >= 2)
    before = revisions(world)
    world.grounds["a"].corrupt = True
    world.kill("a", most=1)
    world.tick(10)
    assert revisions(world) == before
    assert world.count("a") >= 1


def test_somebody_elses_replicas_are_not_replaced_and_the_reason_says_what_to_do() -> None:
    world = settled()
    before = revisions(world)
    for pods in world.deployments.values():
        pods.owner = "hpa"
    world.grounds["a"].build = 1
    decision = world.tick(3)
    assert revisions(world) == before
    assert decision.reason is Reason.REPLICAS_OWNED_ELSEWHERE
    world.kill("a")
    world.tick(3)
    assert revisions(world) == before


def test_while_nothing_can_be_started_on_the_present_pool_another_one_serves_and_the_first_is_not_to_blame() -> None:
    world = settled(a=Ground(price=0.5), b=Ground(price=5.0))
    world.grounds["a"].corrupt = True
    world.kill("a")
    world.until(lambda: world.count("b") > 0, most=4)
    assert world.serves_on == "b"
    assert world.memory.quarantine == ()


def test_what_carries_a_part_and_can_not_be_started_any_more_is_taken_away() -> None:
    world = World({"a": Ground(nodes=2), "b": Ground(price=1.5)}, rate=30)
    world.until(lambda: world.count("b") > 0 and world.others != () and len(world.memory.known) == 2)
    world.tick(5)
    (old,) = (key for key in world.deployments if key.pool == "b")
    world.grounds["b"].build = 1
    world.kill("b")
    world.until(lambda: old not in world.deployments)
    world.until(lambda: world.count("b") > 0)


def test_an_annotation_that_somebody_changed_replaces_nothing_by_itself() -> None:
    world = settled()
    before = revisions(world)
    for pods in world.deployments.values():
        pods.digest = "sha256:f"
    world.tick(5)
    assert revisions(world) == before
    assert world.memory.move is None


def test_a_toolchain_that_is_newer_than_what_runs_restarts_nothing_by_itself() -> None:
    world = settled()
    before = revisions(world)
    world.image = "serve:2"
    world.tick(10)
    assert revisions(world) == before
    assert world.memory.move is None
