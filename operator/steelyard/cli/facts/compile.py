"""A CompiledModel: how far it is, and when it is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from steelyard.cli.facts.condition import conditions
from steelyard.cli.facts.field import moment, part, parts, text, whole
from steelyard.status.raw import Raw


@dataclass(frozen=True, slots=True, kw_only=True)
class Compile:
    """`phase` None: it has not begun."""

    name: str
    namespace: str
    backend: str | None
    target: str | None
    phase: str | None
    percent: int | None
    eta_seconds: int | None
    last_log_line: str | None
    artifact_digest: str | None
    failure: str | None
    """User, OutOfMemory, Infrastructure or UnsupportedTarget."""
    failure_message: str | None
    waits: str | None
    """What it waits for, where it does not run."""
    attempts: int | None
    next_retry: datetime | None
    users: tuple[str, ...]
    """Workloads that use it."""

    @property
    def done(self) -> bool:
        """An artifact is published."""
        return self.artifact_digest is not None


def compile_of(raw: Raw) -> Compile:
    """Users are the InferenceWorkloads among its ownerReferences."""
    metadata, spec, status = part(raw, "metadata"), part(raw, "spec"), part(raw, "status")
    progress, failure = part(status, "progress"), part(status, "failure")
    return Compile(
        name=text(metadata, "name") or "",
        namespace=text(metadata, "namespace") or "",
        backend=text(spec, "backend"),
        target=text(spec, "target"),
        phase=text(progress, "phase"),
        percent=whole(progress, "percent"),
        eta_seconds=whole(progress, "etaSeconds"),
        last_log_line=text(progress, "lastLogLine"),
        artifact_digest=text(part(status, "artifact"), "digest"),
        failure=text(failure, "class"),
        failure_message=text(failure, "message") or text(failure, "reason"),
        waits=next((c.message for c in conditions(status) if (c.type, c.status) == ("Ready", "False") and not failure), None),
        attempts=whole(status, "attempts"),
        next_retry=moment(status, "nextRetryTime"),
        users=tuple(
            name
            for owner in parts(metadata, "ownerReferences")
            if text(owner, "kind") == "InferenceWorkload" and (name := text(owner, "name"))
        ),
    )
