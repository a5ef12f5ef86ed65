"""Between a CompiledModel's status and what the core knows of its compile, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from steelyard.core.compiling.attempt import Attempts, Built, Failure, FailureClass
from steelyard.core.decide_compile import CompileDecision
from steelyard.core.facts.snapshot import Artifact, ArtifactState
from steelyard.core.vocabulary.reason import AWAITED, STUCK, Refusal
from steelyard.status.condition import written_condition
from steelyard.status.raw import Raw
from steelyard.status.scalar import count, time_of, time_text

PHASES = {
    "Fetching": "Fetching",
    "Verifying": "Fetching",
    "Tracing": "Tracing",
    "Compiling": "Compiling",
    "Checking": "Verifying",
    "Publishing": "Publishing",
}
"""Of the API, by the word of the runtime."""


def attempts_of(status: Mapping[str, Any]) -> Attempts:
    """What the status remembers."""
    failure, made, retry = status.get("failure"), status.get("artifact"), status.get("nextRetryTime")
    ready = ready_of(status)
    return Attempts(
        count=int(status.get("attempts", 0)),
        open=bool(status.get("jobName")),
        factor=int(status.get("memoryFactor", 1)),
        failure=Failure(
            failure_class=FailureClass(failure["class"]),
            reason=failure.get("reason", ""),
            message=failure.get("message", ""),
            log_tail=failure.get("logTail", ""),
        )
        if failure
        else None,
        retry_at=time_of(retry) if retry else None,
        built=Built(uri=made["uri"], digest=made["digest"], size_bytes=int(made["sizeBytes"]), seconds=float(status.get("seconds", 0)))
        if made
        else None,
        built_at=time_of(ready["lastTransitionTime"]) if made and ready.get("status") == "True" else None,
        spoilt=int(status.get("spoilt", 0)),
    )


def artifact_of(status: Mapping[str, Any]) -> Artifact:
    """The artifact as those who would serve it see it."""
    ready, made, failure = ready_of(status), status.get("artifact"), status.get("failure")
    if made and ready.get("status") == "True":
        return Artifact(state=ArtifactState.READY, uri=made["uri"], digest=made["digest"])
    if failure and ready.get("status") == "False":
        retry = status.get("nextRetryTime")
        return Artifact(
            state=ArtifactState.FAILED,
            message=f"{failure.get('reason', '')}: {failure.get('message', '')}"[:400],
            retry_at=time_of(retry) if retry else None,
        )
    waits = next((reason for reason in (*STUCK, *AWAITED) if ready.get("status") == "False" and ready.get("reason") == reason.value), None)
    return Artifact(state=ArtifactState.COMPILING, waits=Refusal(waits, ready.get("message", "")) if waits is not None else None)


def ready_of(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """Its Ready condition; empty before there is one."""
    return next((c for c in status.get("conditions") or () if c.get("type") == "Ready"), {})


def status_of(
    decision: CompileDecision, progress: Mapping[str, Any] | None, old: Mapping[str, Any], job_name: str, generation: int, now: datetime
) -> Raw:
    """The whole status as it should stand. `progress`: what the pod of a running attempt tells; `job_name`: of the present attempt."""
    attempts = decision.attempts
    status: Raw = {"observedGeneration": generation, "attempts": attempts.count, "memoryFactor": attempts.factor}
    if attempts.spoilt:
        status["spoilt"] = attempts.spoilt
    if attempts.open:
        status["jobName"] = job_name
    if attempts.built is not None:
        made = attempts.built
        status |= {"artifact": {"uri": made.uri, "digest": made.digest, "sizeBytes": made.size_bytes}, "seconds": round(made.seconds)}
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
