"""A CompiledModel's status: what is written of a decision is what the next one remembers, and what cannot be read is not remembered."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from steelyard.api.compiled_model import CompiledModel
from steelyard.api.parse import parse
from steelyard.core.compiling.attempt import Attempts, FailureClass
from steelyard.core.compiling.corrupt import Refused
from steelyard.core.compiling.snapshot import CompileJob
from steelyard.core.decide_compile import CompileDecision, decide_compile
from steelyard.core.facts.accuracy import Accuracy, Measure
from steelyard.core.facts.model_memory import ModelMemory
from steelyard.core.facts.snapshot import Artifact, ArtifactState
from steelyard.core.vocabulary.reason import Reason, Refusal
from steelyard.status.accuracy import verified_accuracy
from steelyard.status.compiled_model import artifact_of, attempts_of, status_of, told_of
from steelyard.status.patch import changes
from unit.api.objects import compiled
from unit.core.compiles import BUILT, CPU, NOW, WORKLOAD, compile_snapshot, failure, running

OPEN = Attempts(count=1, open=True)
WORD = Refused(pod="p", uri=BUILT.uri, digest=BUILT.digest, started=NOW, reason="ArtifactCorrupt", message="m")
SNAPSHOTS = {
    "begins": compile_snapshot(),
    "waits for its turn": compile_snapshot(queue=running(2)),
    "has no image": compile_snapshot(attempts=OPEN, job=CompileJob(waits=Refusal(Reason.IMAGE_UNAVAILABLE, "m"))),
    "is built": compile_snapshot(attempts=OPEN, job=CompileJob(built=BUILT)),
    "has failed": compile_snapshot(attempts=OPEN, job=CompileJob(failure=failure(FailureClass.INFRASTRUCTURE))),
    "has failed for good": compile_snapshot(attempts=OPEN, job=CompileJob(failure=failure(FailureClass.USER))),
    "had too little memory": compile_snapshot(
        attempts=replace(OPEN, factor=4), job=CompileJob(failure=failure(FailureClass.OUT_OF_MEMORY))
    ),
    "is corrupt": compile_snapshot(attempts=Attempts(count=1, built=BUILT, built_at=NOW - timedelta(seconds=1)), refusals=(WORD,)),
}


def written(decision: CompileDecision, old: dict[str, Any] | None = None) -> dict[str, Any]:
    return status_of(decision, None, old or {}, f"openvino-0-{decision.attempts.count}", 1, NOW)


VERIFIED = replace(BUILT, accuracy=Accuracy(Measure.LEAST_COSINE, 0.99987))


def test_how_near_an_artifact_is_to_the_reference_stays_with_it() -> None:
    status = written(decide_compile(compile_snapshot(attempts=Attempts(count=1, built=VERIFIED, built_at=NOW)), NOW))
    assert status["artifact"]["accuracy"] == {"measure": "LeastCosine", "value": "0.99987"}
    parsed = parse(CompiledModel, {**compiled(), "status": status})
    assert isinstance(parsed, CompiledModel), parsed
    built = attempts_of(status).built
    assert built is not None and built.accuracy == verified_accuracy(status) == VERIFIED.accuracy


@pytest.mark.parametrize("memory", [ModelMemory(weights=16_060_522_496, token=131_072, positions=131_072), ModelMemory(weights=1)])
def test_what_the_model_takes_of_memory_stays_with_it_and_is_seen_by_who_would_serve_it(memory: ModelMemory) -> None:
    counted = replace(BUILT, memory=memory)
    status = written(decide_compile(compile_snapshot(attempts=Attempts(count=1, built=counted, built_at=NOW)), NOW))
    assert isinstance(parse(CompiledModel, {**compiled(), "status": status}), CompiledModel)
    built = attempts_of(status).built
    assert built is not None and built.memory == artifact_of(status).memory == memory
    assert artifact_of({**status, "artifact": {**status["artifact"], "memory": {"positions": 5}}}).memory is None


@pytest.mark.parametrize("told", [None, 3, {}, {"measure": "OfAnotherVersion", "value": "1"}, {"measure": "LeastCosine"}])
def test_an_accuracy_that_cannot_be_read_is_unknown(told: Any) -> None:
    assert verified_accuracy({"artifact": {"uri": "u", "digest": "d", "sizeBytes": 1, "accuracy": told}}) is None


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_what_is_written_is_what_is_remembered(name: str) -> None:
    decision = decide_compile(SNAPSHOTS[name], NOW)
    status = written(decision)
    parsed = parse(CompiledModel, {**compiled(), "status": status})
    assert isinstance(parsed, CompiledModel), parsed
    assert attempts_of(status) == decision.attempts
    assert told_of(status) == decision.ready.reason.value
    assert changes(status, written(decision, status)) is None


def test_who_would_serve_it_sees_how_far_it_is() -> None:
    seen = {name: artifact_of(written(decide_compile(snapshot, NOW))) for name, snapshot in SNAPSHOTS.items()}
    built = Artifact(
        state=ArtifactState.READY,
        uri=BUILT.uri,
        digest=BUILT.digest,
        size_bytes=BUILT.size_bytes,
        accuracy=BUILT.accuracy,
        memory=BUILT.memory,
    )
    assert seen["is built"] == built
    assert seen["begins"] == Artifact(state=ArtifactState.COMPILING)
    assert seen["waits for its turn"].waits is not None
    assert seen["has no image"].waits == Refusal(Reason.IMAGE_UNAVAILABLE, "m")
    assert (seen["has failed"].state, seen["has failed"].message) == (ArtifactState.FAILED, "R: m")
    assert seen["has failed"].retry_at == NOW + timedelta(seconds=30)
    assert artifact_of({}) == Artifact(state=ArtifactState.COMPILING)


@pytest.mark.parametrize(
    "broken",
    [
        {"attempts": "many", "memoryFactor": None, "corruptions": []},
        {"failure": {"class": "OfAnotherVersion"}},
        {"failure": "x", "artifact": 3, "conditions": "x", "nextRetryTime": "soon"},
        {"artifact": {"uri": "u", "digest": "d"}, "conditions": [{"type": "Ready", "status": "True"}]},
        {"artifact": {"uri": "u", "digest": "d", "sizeBytes": "large"}, "seconds": "long"},
    ],
)
def test_what_cannot_be_read_is_not_remembered_and_never_raises(broken: dict[str, Any]) -> None:
    assert attempts_of(broken) == Attempts()
    assert artifact_of(broken) == Artifact(state=ArtifactState.COMPILING)


def test_a_condition_keeps_its_time_for_as_long_as_it_stays_what_it_is() -> None:
    first = written(decide_compile(SNAPSHOTS["has failed"], NOW))
    again = compile_snapshot(attempts=attempts_of(first), users=((WORKLOAD, (CPU,)),))
    second = status_of(decide_compile(again, NOW), None, first, "openvino-0-1", 1, NOW + timedelta(hours=1))
    assert second["conditions"][0]["lastTransitionTime"] == first["conditions"][0]["lastTransitionTime"]
