"""What a compile does next: each rule that bars a Job, what is told of it, and when it is looked at again."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from steelyard.core.compiling.attempt import LONGEST_PAUSE, Attempts, FailureClass
from steelyard.core.compiling.candidate import compile_inputs
from steelyard.core.compiling.corrupt import Refused
from steelyard.core.compiling.queue import CompileQueue, Waiter
from steelyard.core.compiling.readiness import readiness
from steelyard.core.compiling.snapshot import CompileJob, CompileSnapshot
from steelyard.core.decide_compile import (
    ASKED_FOR_AGAIN,
    AT_THE_EARLIEST,
    LOOK_AGAIN,
    CompileDecision,
    CompileVerdict,
    decide_compile,
)
from steelyard.core.facts.snapshot import RefusedWrite
from steelyard.core.replay.compile_record import compile_outcome, compile_record, read_compile
from steelyard.core.replay.difference import differences
from steelyard.core.vocabulary.reason import Reason, Refusal
from unit.core.compiles import BUILT, CPU, GPU, NOW, ON_CPUS, SETTINGS, WORKLOAD, compile_snapshot, failure, on_a_device, running

OPEN = Attempts(count=1, open=True)
FAILED = Attempts(count=1, failure=failure(FailureClass.INFRASTRUCTURE), retry_at=NOW)
ASKING = ((WORKLOAD, (CPU,)),)
MOMENT = timedelta(seconds=1)


def decided(snapshot: CompileSnapshot) -> CompileDecision:
    return decide_compile(snapshot, NOW)


def waits(snapshot: CompileSnapshot) -> str:
    """What it waits for, where no Job is made for that."""
    decision = decided(snapshot)
    assert (decision.start, decision.verdict) == (None, CompileVerdict.WAIT)
    assert decision.waiting_for is not None
    return decision.waiting_for.message


# --- an attempt that is to begin ------------------------------------------------------------------------------------------------------


def test_the_first_attempt_begins_and_is_remembered_as_begun() -> None:
    decision = decided(compile_snapshot())
    assert decision.start is not None
    assert (decision.start.attempt, decision.start.image, decision.start.site.pool) == (1, "compiler", None)
    assert decision.attempts == OPEN
    assert [(note.reason, note.message) for note in decision.notes] == [(Reason.COMPILING, "attempt 1")]
    assert (decision.ready.status, decision.reconsider_at) == (None, NOW + LOOK_AGAIN)


def test_a_compile_that_takes_a_device_runs_on_a_pool_that_would_serve_what_it_makes() -> None:
    start = decided(on_a_device(GPU)).start
    assert start is not None
    assert (start.site.pool, start.site.resource_name) == ("gpu", "nvidia.com/gpu")


def test_without_a_pool_that_has_a_device_it_waits_for_one() -> None:
    for snapshot in (on_a_device(), on_a_device(CPU), on_a_device(GPU, attempts=OPEN, users=())):
        assert "no pool that a workload selects and that would serve this artifact has a resourceName" in waits(snapshot)


def test_a_back_end_that_the_installation_has_no_toolchain_for_is_named() -> None:
    assert waits(compile_snapshot(backend="gone")) == "no toolchain of back end gone is configured: add config.toolchains.gone"


def test_where_as_many_run_as_may_it_waits_for_its_turn() -> None:
    assert (
        waits(compile_snapshot(queue=running(2))) == "it waits for 2 others to end: config.compile.jobsAtOnce lets 2 run at the same time"
    )
    assert decided(compile_snapshot(queue=running(1))).start is not None


def test_a_place_that_is_free_goes_to_the_namespace_that_holds_fewest_and_the_others_wait_for_their_turn() -> None:
    other = Waiter(NOW + MOMENT, "quiet", "m")
    busy = CompileQueue(running={"ns": 1}, waiting=(other,))
    assert waits(compile_snapshot(queue=busy, asked_since=NOW)) == (
        "it waits for its turn: config.compile.jobsAtOnce lets 2 run at the same time, and others come first"
    )
    assert decided(compile_snapshot(queue=busy)).queued
    assert decided(compile_snapshot(queue=replace(busy, running={"quiet": 1}))).start is not None


def test_jobs_that_do_not_come_to_run_hold_places_of_their_own_namespace_alone() -> None:
    assert decided(compile_snapshot(queue=CompileQueue(stuck={"evil": 9}))).start is not None
    assert "to end" in waits(compile_snapshot(queue=CompileQueue(stuck={"ns": 2})))


def test_what_has_failed_is_tried_again_for_those_who_ask_for_it_and_for_nobody_else() -> None:
    assert decided(compile_snapshot(attempts=FAILED, users=ASKING)).start is not None
    decision = decided(compile_snapshot(attempts=FAILED))
    assert (decision.start, decision.reconsider_at) == (None, NOW + ASKED_FOR_AGAIN)
    assert decision.ready.message == "R: m; it is not tried again as long as no workload that uses it asks for it"


def test_what_was_published_once_is_compiled_again_whatever_is_asked_for_now() -> None:
    assert decided(compile_snapshot(attempts=replace(FAILED, corruptions=1))).start is not None


def test_a_retry_whose_time_has_come_says_what_it_waits_for_now() -> None:
    assert waits(compile_snapshot(attempts=FAILED, users=ASKING, queue=running(2))).startswith("it waits for 2 others")


def test_before_its_time_nothing_begins_and_it_is_looked_at_again_then() -> None:
    later = replace(FAILED, retry_at=NOW + LONGEST_PAUSE)
    decision = decided(compile_snapshot(attempts=later, users=ASKING))
    assert (decision.start, decision.attempts, decision.verdict) == (None, later, CompileVerdict.RETRY)
    assert decision.reconsider_at == NOW + LONGEST_PAUSE
    assert decision.ready.message == "R: m; it is tried again at nextRetryTime"
    soon = decided(compile_snapshot(attempts=replace(FAILED, retry_at=NOW + MOMENT / 1000), users=ASKING))
    assert soon.reconsider_at == NOW + AT_THE_EARLIEST


@pytest.mark.parametrize("kind", [FailureClass.USER, FailureClass.UNSUPPORTED_TARGET])
def test_what_the_user_has_to_mend_is_not_tried_again_and_not_looked_at_again(kind: FailureClass) -> None:
    over = Attempts(count=1, failure=failure(kind))
    decision = decided(compile_snapshot(attempts=over, users=ASKING))
    assert (decision.start, decision.attempts, decision.verdict) == (None, over, CompileVerdict.FAIL)
    assert (decision.waiting_for, decision.reconsider_at) == (None, None)
    assert decision.ready.message == "R: m; change the workload's model or compile options"


# --- an attempt that has begun --------------------------------------------------------------------------------------------------------


def test_who_died_before_the_job_was_made_makes_it_under_the_same_name() -> None:
    decision = decided(compile_snapshot(attempts=OPEN))
    assert decision.start is not None
    assert (decision.start.attempt, decision.attempts, decision.notes) == (1, OPEN, ())


def test_it_is_not_made_twice() -> None:
    decision = decided(compile_snapshot(attempts=OPEN, job=CompileJob(started=NOW)))
    assert (decision.start, decision.attempts, decision.verdict) == (None, OPEN, CompileVerdict.RUN)
    assert decision.reconsider_at == NOW + LOOK_AGAIN


def test_a_job_that_has_vanished_takes_its_turn_again() -> None:
    assert "to end" in waits(compile_snapshot(attempts=OPEN, queue=running(2)))


def test_the_name_that_another_object_has_is_waited_for() -> None:
    assert waits(compile_snapshot(attempts=OPEN, taken_name="openvino-0-1")).startswith("Job openvino-0-1 belongs to another")


def test_a_job_that_the_api_server_refuses_is_told_in_its_words_and_tried_again() -> None:
    refused = RefusedWrite("Job", "openvino-0-1", "exceeded quota")
    decision = decided(compile_snapshot(attempts=OPEN, refused_write=refused))
    assert decision.start is not None
    assert decision.waiting_for == Refusal(Reason.OBJECT_INVALID, str(refused))
    assert [note.reason for note in decision.notes] == [Reason.OBJECT_INVALID]


def test_what_keeps_its_pod_from_running_is_told_and_one_event_is_enough() -> None:
    missing = Refusal(Reason.SECRET_MISSING, "its Job waits for Secret s")
    snapshot = compile_snapshot(attempts=OPEN, job=CompileJob(waits=missing))
    decision = decided(snapshot)
    assert (decision.waiting_for, decision.verdict) == (missing, CompileVerdict.WAIT)
    assert (decision.ready.status, decision.ready.reason, decision.ready.message) == (False, missing.reason, missing.message)
    assert [(note.reason, note.warning) for note in decision.notes] == [(Reason.SECRET_MISSING, True)]
    assert decided(replace(snapshot, told="SecretMissing")).notes == ()


def test_what_comes_by_itself_is_no_event() -> None:
    nowhere = Refusal(Reason.UNPLACED, "no node has room for its Job")
    assert decided(compile_snapshot(attempts=OPEN, job=CompileJob(waits=nowhere))).notes == ()


# --- an attempt that ends -------------------------------------------------------------------------------------------------------------


def test_a_success_ends_it_and_is_never_looked_at_again() -> None:
    decision = decided(compile_snapshot(attempts=OPEN, job=CompileJob(started=NOW - MOMENT, built=BUILT)))
    assert (decision.attempts.built, decision.attempts.open, decision.verdict) == (BUILT, False, CompileVerdict.DONE)
    assert (decision.ready.status, decision.reconsider_at) == (True, None)
    assert [note.message for note in decision.notes] == ["compiled in 2 s, 1 MiB"]
    assert decision.ended is not None
    assert (decision.ended.backend, decision.ended.outcome, decision.ended.seconds) == ("openvino", "Built", 2.0)


def test_what_was_found_in_the_store_says_so() -> None:
    decision = decided(compile_snapshot(attempts=OPEN, job=CompileJob(built=replace(BUILT, cached=True))))
    assert [note.message for note in decision.notes] == ["found in the store, 1 MiB: nothing had to be compiled"]
    assert decision.ended is not None
    assert decision.ended.outcome == "Found"


def test_a_failure_is_told_once_with_the_time_that_it_took_and_its_users_are_not_looked_up_for_that() -> None:
    job = CompileJob(started=NOW - MOMENT, failure=failure(FailureClass.INFRASTRUCTURE))
    decision = decided(compile_snapshot(attempts=OPEN, job=job))
    assert [(note.reason, note.message, note.warning) for note in decision.notes] == [(Reason.COMPILE_FAILED, "R: m", True)]
    assert decision.ended is not None
    assert (decision.ended.outcome, decision.ended.seconds) == ("Infrastructure", 1.0)
    assert (decision.start, decision.verdict) == (None, CompileVerdict.RETRY)
    again = decided(compile_snapshot(attempts=decision.attempts, job=job, users=ASKING))
    assert (again.notes, again.ended) == ((), None)


def test_what_ran_out_of_memory_begins_again_at_the_next_look_with_twice_as_much() -> None:
    job = CompileJob(failure=failure(FailureClass.OUT_OF_MEMORY))
    first = decided(compile_snapshot(attempts=OPEN, job=job))
    assert (first.start, first.reconsider_at) == (None, NOW + LOOK_AGAIN)
    second = decided(compile_snapshot(attempts=first.attempts, job=job, users=ASKING))
    assert second.start is not None
    assert second.start.site.resources.memory_gib == 2 * SETTINGS.compile_resources.memory_gib


def test_an_artifact_that_pods_refuse_is_compiled_again_in_the_same_pass() -> None:
    stands = Attempts(count=1, built=BUILT, built_at=NOW - MOMENT)
    word = Refused(pod="p", uri=BUILT.uri, digest=BUILT.digest, started=NOW, reason="ArtifactCorrupt", message="one byte is wrong")
    decision = decided(compile_snapshot(attempts=stands, refusals=(word,)))
    assert decision.start is not None
    assert (decision.start.attempt, decision.attempts.corruptions) == (2, 1)
    assert [(note.reason, note.message) for note in decision.notes] == [
        (Reason.ARTIFACT_CORRUPT, "ArtifactCorrupt: pod p refused the artifact: one byte is wrong; it is compiled again now"),
        (Reason.COMPILING, "attempt 2"),
    ]
    assert decision.ready.reason is Reason.ARTIFACT_CORRUPT
    later = decided(compile_snapshot(attempts=replace(stands, corruptions=1), refusals=(word,)))
    assert later.start is None
    assert later.notes[0].message.endswith("it is compiled again at 2026-03-01T00:10:00.000Z, for this is not the first time")


# --- who is asked, and what is written ------------------------------------------------------------------------------------------------


def test_users_matter_for_a_device_and_after_a_failure_only() -> None:
    assert not compile_snapshot().needs_users
    assert not compile_snapshot(attempts=OPEN).needs_users
    assert compile_snapshot(attempts=FAILED).needs_users
    assert on_a_device().needs_users


def test_a_workload_that_asks_for_another_model_does_not_ask_for_this_one() -> None:
    other = replace(WORKLOAD, model=replace(WORKLOAD.model, digest="sha256:" + "9" * 64))
    assert compile_inputs(other, ON_CPUS, "cpu").key != compile_snapshot().key
    assert decided(compile_snapshot(attempts=FAILED, users=((other, (CPU,)),))).start is None


def test_a_failure_that_is_long_is_cut_before_what_is_done_about_it() -> None:
    long = replace(FAILED, failure=replace(failure(FailureClass.INFRASTRUCTURE), message="x" * 4000))
    message = readiness(long, None).message
    assert len(message) < 400
    assert message.endswith("; it is tried again at nextRetryTime")


@pytest.mark.parametrize(
    "snapshot",
    [
        compile_snapshot(),
        on_a_device(GPU, attempts=FAILED),
        compile_snapshot(attempts=OPEN, job=CompileJob(started=NOW, failure=failure(FailureClass.OUT_OF_MEMORY))),
        compile_snapshot(attempts=OPEN, refused_write=RefusedWrite("Job", "j", "m")),
    ],
    ids=["begins", "is tried again", "fails", "is refused"],
)
def test_a_decision_is_decided_again_from_its_record(snapshot: CompileSnapshot) -> None:
    now = NOW + timedelta(microseconds=123456)
    raw = json.loads(json.dumps(compile_record(snapshot, decide_compile(snapshot, now), now)))
    found = read_compile(raw)
    assert (found.snapshot, found.now) == (snapshot, now)
    assert list(differences(found.decided, json.loads(json.dumps(compile_outcome(decide_compile(found.snapshot, found.now)))))) == []
