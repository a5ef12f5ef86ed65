"""The status of a CompiledModel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from steelyard.status.raw import Raw
from steelyard.status.read.condition import Condition, conditions
from steelyard.status.read.field import moment, number, part, text, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileFailure:
    """`failure_class`: User, OutOfMemory, Infrastructure, UnsupportedTarget or Corrupt."""

    failure_class: str | None
    reason: str | None
    message: str | None
    log_tail: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldAccuracy:
    """`measure`: which figure `value` is, such as LeastCosine."""

    measure: str | None
    value: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldMemory:
    """Of the model, in bytes and tokens."""

    weights: int | None
    token: int | None
    positions: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledModelStatus:
    """`phase` None: it has not begun. `job_name`: of the attempt that has begun and not ended."""

    attempts: int | None
    memory_factor: int | None
    corruptions: int | None
    job_name: str | None
    phase: str | None
    percent: int | None
    eta_seconds: int | None
    last_log_line: str | None
    artifact_uri: str | None
    artifact_digest: str | None
    artifact_size_bytes: int | None
    artifact_accuracy: ToldAccuracy | None
    artifact_memory: ToldMemory | None
    seconds: Decimal | None
    failure: CompileFailure | None
    next_retry: datetime | None
    ready: Condition | None


def compiled_model_status(status: Raw) -> CompiledModelStatus:
    """Everything that it says."""
    progress, artifact, failure = part(status, "progress"), part(status, "artifact"), part(status, "failure")
    return CompiledModelStatus(
        attempts=whole(status, "attempts"),
        memory_factor=whole(status, "memoryFactor"),
        corruptions=whole(status, "corruptions"),
        job_name=text(status, "jobName"),
        phase=text(progress, "phase"),
        percent=whole(progress, "percent"),
        eta_seconds=whole(progress, "etaSeconds"),
        last_log_line=text(progress, "lastLogLine"),
        artifact_uri=text(artifact, "uri"),
        artifact_digest=text(artifact, "digest"),
        artifact_size_bytes=whole(artifact, "sizeBytes"),
        artifact_accuracy=accuracy(part(artifact, "accuracy")),
        artifact_memory=_memory(part(artifact, "memory")),
        seconds=number(status, "seconds"),
        failure=_failure(failure) if failure else None,
        next_retry=moment(status, "nextRetryTime"),
        ready=next((c for c in conditions(status) if c.type == "Ready"), None),
    )


def running_percent(status: Raw) -> int | None:
    """How far an attempt is that has begun and not ended; None where there is none, or it has not said so."""
    return whole(part(status, "progress"), "percent") if text(status, "jobName") else None


def compile_state(status: Raw) -> str:
    """Running, Done, Failed (its last attempt, whether it is tried again or not), or Waiting for its turn."""
    told = compiled_model_status(status)
    if told.job_name is not None:
        return "Running"
    if told.artifact_digest is not None:
        return "Done"
    return "Waiting" if told.failure is None else "Failed"


def seconds_taken(status: Raw) -> float | None:
    """How long the compile took that was published; None where none was."""
    seconds = number(status, "seconds")
    return None if seconds is None else float(seconds)


def accuracy(raw: Raw) -> ToldAccuracy | None:
    """None where nothing was verified."""
    return ToldAccuracy(measure=text(raw, "measure"), value=number(raw, "value")) if raw else None


def _memory(raw: Raw) -> ToldMemory | None:
    if not raw:
        return None
    return ToldMemory(weights=whole(raw, "weightsBytes"), token=whole(raw, "cacheBytesPerToken"), positions=whole(raw, "positions"))


def _failure(raw: Raw) -> CompileFailure:
    return CompileFailure(
        failure_class=text(raw, "class"), reason=text(raw, "reason"), message=text(raw, "message"), log_tail=text(raw, "logTail")
    )
