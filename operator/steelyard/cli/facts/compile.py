"""A CompiledModel: how far it is, and when it is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from steelyard.cli.facts.plain import cleaned
from steelyard.status.raw import Raw
from steelyard.status.read.compiled_model import compiled_model_status
from steelyard.status.read.field import part, parts, text


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
    metadata, spec, status = (cleaned(part(raw, each)) for each in ("metadata", "spec", "status"))
    told = compiled_model_status(status)
    failure, ready = told.failure, told.ready
    return Compile(
        name=text(metadata, "name") or "",
        namespace=text(metadata, "namespace") or "",
        backend=text(spec, "backend"),
        target=text(spec, "target"),
        phase=told.phase,
        percent=told.percent,
        eta_seconds=told.eta_seconds,
        last_log_line=told.last_log_line,
        artifact_digest=told.artifact_digest,
        failure=failure.failure_class if failure else None,
        failure_message=(failure.message or failure.reason) if failure else None,
        waits=ready.message if ready is not None and ready.status == "False" and not failure else None,
        attempts=told.attempts,
        next_retry=told.next_retry,
        users=tuple(
            name
            for owner in parts(metadata, "ownerReferences")
            if text(owner, "kind") == "InferenceWorkload" and (name := text(owner, "name"))
        ),
    )
