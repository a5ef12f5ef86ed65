"""How a compile goes on: remembered before it is begun, retried by the class of its failure, never twice under one name."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from steelyard.core.compiling.attempt import (
    FIRST_PAUSE,
    LARGEST_FACTOR,
    LONGEST_PAUSE,
    Attempts,
    Built,
    Failure,
    FailureClass,
    NoJob,
    Running,
    StartJob,
    next_attempt,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BUILT = Built(uri="s3://a/k/manifest.json", digest="sha256:0", size_bytes=1, seconds=2.0)


def failure(kind: FailureClass) -> Failure:
    return Failure(failure_class=kind, reason="R", message="m")


def test_an_attempt_is_remembered_and_then_its_job_is_made():
    begun, start = next_attempt(Attempts(), NoJob(), NOW, may_start=True)
    assert begun.open
    assert start == StartJob(1, 1)
    # Died between the two: the same name again, and no second attempt.
    again, same = next_attempt(begun, NoJob(), NOW, may_start=True)
    assert (again, same) == (begun, start)
    assert next_attempt(begun, Running(), NOW, may_start=True) == (begun, None)


def test_a_success_ends_it_for_good():
    done, start = next_attempt(Attempts(count=1, open=True), BUILT, NOW, may_start=True)
    assert done.built == BUILT
    assert start is None
    assert next_attempt(done, NoJob(), NOW + timedelta(days=1), may_start=True) == (done, None)


@pytest.mark.parametrize("kind", [FailureClass.USER, FailureClass.UNSUPPORTED_TARGET])
def test_what_the_user_has_to_mend_is_never_tried_again(kind: FailureClass):
    failed, _ = next_attempt(Attempts(count=1, open=True), failure(kind), NOW, may_start=True)
    assert next_attempt(failed, NoJob(), NOW + timedelta(days=30), may_start=True) == (failed, None)


@pytest.mark.parametrize("reason", ["ModelNotFound", "ModelDigestMismatch"])
def test_what_an_upload_or_a_secret_mends_is_tried_again_seldom_and_for_as_long_as_it_takes(reason: str):
    attempts = Attempts(count=1, open=True)
    for number in range(2, 30):
        failed, _ = next_attempt(attempts, replace(failure(FailureClass.USER), reason=reason), NOW, may_start=True)
        assert failed.retry_at == NOW + LONGEST_PAUSE
        assert next_attempt(failed, NoJob(), NOW + LONGEST_PAUSE - timedelta(seconds=1), may_start=True) == (failed, None)
        attempts, start = next_attempt(failed, NoJob(), NOW + LONGEST_PAUSE, may_start=True)
        assert start == StartJob(number, 1)


def test_out_of_memory_is_tried_at_once_with_twice_as_much_and_not_for_ever():
    attempts = Attempts(count=1, open=True)
    factors = []
    for _ in range(6):
        attempts, _ = next_attempt(attempts, failure(FailureClass.OUT_OF_MEMORY), NOW, may_start=True)
        attempts, start = next_attempt(attempts, NoJob(), NOW, may_start=True)
        if start is None:
            break
        factors.append(start.factor)
    assert factors == [2, 4, LARGEST_FACTOR]


def test_infrastructure_waits_twice_as_long_each_time_up_to_a_limit():
    attempts = Attempts()
    pauses = []
    for number in range(1, 12):
        attempts, _ = next_attempt(replace(attempts, count=number, open=True), failure(FailureClass.INFRASTRUCTURE), NOW, may_start=True)
        assert attempts.retry_at is not None
        pauses.append(attempts.retry_at - NOW)
        early, start = next_attempt(attempts, NoJob(), attempts.retry_at - timedelta(seconds=1), may_start=True)
        assert (early, start) == (attempts, None)
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE


def test_a_full_house_lets_nobody_in():
    assert next_attempt(Attempts(), NoJob(), NOW, may_start=False) == (Attempts(), None)
