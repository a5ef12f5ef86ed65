"""Between a CompiledModel's status and what the core knows of its compile, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from steelyard.core.compiling.attempt import Attempts, Built, Failure, FailureClass
from steelyard.core.decide_compile import CompileDecision
from steelyard.core.facts.snapshot import Artifact, ArtifactState
from steelyard.core.vocabulary.reason import AWAITED, STUCK, Refusal
from steelyard.status.accuracy import remembered_accuracy, written_accuracy
from steelyard.status.condition import written_condition
from steelyard.status.memory_of_model import remembered_memory, written_memory
from steelyard.status.raw import Raw
from steelyard.status.read.compiled_model import CompiledModelStatus, CompileFailure, compiled_model_status
from steelyard.status.scalar import count, time_text

PHASES = {
    "Fetching": "Fetching",
    "Verifying": "Fetching",
    "Tracing": "Tracing",
    "Compiling": "Compiling",
    "Checking": "Verifying",
    "Publishing": "Publishing",
}
"""Of the API, by the word of the runtime."""


def attempts_of(status: Raw) -> Attempts:
    """What the status remembers. What cannot be read back is treated as not remembered."""
    told = compiled_model_status(status)
    built = _built(told)
    stands = built is not None and told.ready is not None and told.ready.status == "True"
    return Attempts(
        count=told.attempts or 0,
        open=told.job_name is not None,
        factor=1 if told.memory_factor is None else told.memory_factor,
        failure=_failure(told.failure) if told.failure is not None else None,
        retry_at=told.next_retry,
        built=built,
        built_at=told.ready.since if stands and told.ready is not None else None,
        corruptions=told.corruptions or 0,
    )


def _built(told: CompiledModelStatus) -> Built | None:
    uri, digest, size = told.artifact_uri, told.artifact_digest, told.artifact_size_bytes
    if uri is None or digest is None or size is None:
        return None
    accuracy = remembered_accuracy(told.artifact_accuracy)
    memory = remembered_memory(told.artifact_memory)
    return Built(uri=uri, digest=digest, size_bytes=size, seconds=float(told.seconds or 0), accuracy=accuracy, memory=memory)


def _failure(told: CompileFailure) -> Failure | None:
    kind = next((each for each in FailureClass if each.value == told.failure_class), None)
    if kind is None:
        return None
    return Failure(failure_class=kind, reason=told.reason or "", message=told.message or "", log_tail=told.log_tail or "")


def artifact_of(status: Raw) -> Artifact:
    """The artifact as those who would serve it see it."""
    told = compiled_model_status(status)
    built, ready, failure = _built(told), told.ready, told.failure
    if built is not None and ready is not None and ready.status == "True":
        return Artifact(
            state=ArtifactState.READY,
            uri=built.uri,
            digest=built.digest,
            size_bytes=built.size_bytes,
            memory=built.memory,
            accuracy=built.accuracy,
        )
    if ready is None or ready.status != "False":
        return Artifact(state=ArtifactState.COMPILING)
    if failure is not None:
        message = f"{failure.reason or ''}: {failure.message or ''}"[:400]
        return Artifact(state=ArtifactState.FAILED, message=message, retry_at=told.next_retry)
    waits = next((reason for reason in (*STUCK, *AWAITED) if ready.reason == reason.value), None)
    return Artifact(state=ArtifactState.COMPILING, waits=None if waits is None else Refusal(waits, ready.message or ""))


def told_of(status: Raw) -> str | None:
    """The reason that its Ready condition gives."""
    ready = compiled_model_status(status).ready
    return None if ready is None else ready.reason


def status_of(
    decision: CompileDecision, progress: Mapping[str, Any] | None, old: Mapping[str, Any], job_name: str, generation: int, now: datetime
) -> Raw:
    """The whole status as it should stand. `progress`: what the pod of a running attempt tells; `job_name`: of the present attempt."""
    attempts = decision.attempts
    status: Raw = {"observedGeneration": generation, "attempts": attempts.count, "memoryFactor": attempts.factor}
    if attempts.corruptions:
        status["corruptions"] = attempts.corruptions
    if attempts.open:
        status["jobName"] = job_name
    if attempts.built is not None:
        made = attempts.built
        told = {**written_accuracy(made.accuracy), **written_memory(made.memory)}
        status["artifact"] = {"uri": made.uri, "digest": made.digest, "sizeBytes": made.size_bytes, **told}
        status |= {"seconds": round(made.seconds)}
        status["progress"] = {"phase": "Done", "percent": 100}
    elif attempts.failure is not None:
        failure = attempts.failure
        status["failure"] = {
            "class": failure.failure_class.value,
            "reason": failure.reason[:64],
            "message": failure.message[:512],
            "logTail": failure.log_tail[-1800:],
        }
        if attempts.retry_at is not None:
            status["nextRetryTime"] = time_text(attempts.retry_at)
    if attempts.open and attempts.built is None:
        status["progress"] = _progress(progress) or old.get("progress") or {"phase": "Pending", "percent": 0}
        if decision.start is not None:
            status["progress"] = {"phase": "Pending", "percent": 0}
    status["conditions"] = [written_condition(decision.ready, generation, old, now)]
    return status


def _progress(raw: Mapping[str, Any] | None) -> Raw | None:
    phase = PHASES.get(str((raw or {}).get("phase")))
    if raw is None or phase is None:
        return None
    try:
        # Whole tens of percent: a status is not a progress bar, and every value is a write.
        percent = int(min(max(float(raw.get("percent") or 0), 0), 100) // 10 * 10)
        eta = None if raw.get("etaSeconds") is None else count(float(raw["etaSeconds"]))
    except (TypeError, ValueError):
        return None
    out: Raw = {"phase": phase, "percent": percent}
    if eta is not None:
        out["etaSeconds"] = eta
    if raw.get("lastLogLine"):
        out["lastLogLine"] = str(raw["lastLogLine"])[:256]
    return out
