"""The Job of an attempt to compile: whether it runs, how it ended, and what keeps its pod from running."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from steelyard.api.status_values import EXACT_MAX
from steelyard.control.gather.termination import last_word
from steelyard.control.gather.unplaced import is_unplaced, no_room
from steelyard.control.gather.workload_facts import moment, server_status
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.core.compiling.attempt import Built, Failure, FailureClass
from steelyard.core.facts.accuracy import Accuracy, Measure
from steelyard.core.facts.model_memory import ModelMemory
from steelyard.core.vocabulary.reason import Reason, Refusal
from steelyard.render import label

STARTING = timedelta(minutes=2)
"""A pod that does not run by then may come any time or never."""
KILLED = 137
"""Exit code after SIGKILL: of the kernel for memory, of the kubelet for a grace that is over."""
DEADLINE_EXCEEDED = "DeadlineExceeded"
DIGEST = re.compile("sha256:[0-9a-f]{64}")
LONGEST_URI = 1024
MOST_SECONDS = 2**31
MOST_NATS = 1e6
UNREADABLE = Failure(
    failure_class=FailureClass.INFRASTRUCTURE,
    reason="ResultUnreadable",
    message="the compile pod says that it has succeeded, but not with which artifact; it is tried again",
)


def runs(job: Manifest) -> bool:
    """Whether it is a compile Job that has not ended."""
    return manifests.labels(job).get(label.ROLE) == label.COMPILE and _condition(job) is None


def is_stuck(job: Manifest, pod: Manifest | None, now: datetime) -> bool:
    """Whether its pod does not come to run: a quota refuses it, no node has room, or a Secret or an image is missing. Told by time, since only
    some of these causes can be seen."""
    made = moment(manifests.metadata(job).get("creationTimestamp"))
    begun = pod is not None and (pod.get("status") or {}).get("phase") in {"Running", "Succeeded", "Failed"}
    return not begun and made is not None and now - made >= STARTING


def end_of(job: Manifest, pod: Manifest | None) -> Built | Failure | None:
    """How the attempt ended; None while it goes on. The last word of the container that failed, or of the last one, is the result; the Job's
    conditions speak where there is none."""
    failed, ended = _endings(pod or {})
    told = last_word(ended)
    # Of success only the container that publishes may speak: those before it have read a model of unknown origin.
    if told.get("result") == "Succeeded" and not failed:
        return _built(told)
    if told.get("result") == "Failed":
        known = str(told.get("class")) in {c.value for c in FailureClass}
        return Failure(
            failure_class=FailureClass(str(told["class"])) if known else FailureClass.INFRASTRUCTURE,
            reason=str(told.get("reason", "CompileFailed"))[:64],
            message=str(told.get("message", "the compile failed; see the Job's log")),
            log_tail=str(told.get("logTail", "")),
        )
    condition = _condition(job)
    late = condition is not None and condition.get("reason") == DEADLINE_EXCEEDED
    # A cgroup without a word of its kernel: what nobody else ended was ended for memory.
    killed = ended is not None and ended.get("exitCode") == KILLED and not late and not _taken_away(pod or {})
    if killed or (ended is not None and ended.get("reason") == "OOMKilled"):
        return Failure(
            failure_class=FailureClass.OUT_OF_MEMORY,
            reason="OOMKilled",
            message="the compile ran out of memory; it is tried again with twice as much",
        )
    if condition is None and ended is None:
        return None
    if late:
        return Failure(
            failure_class=FailureClass.INFRASTRUCTURE,
            reason=DEADLINE_EXCEEDED,
            message="the compile took longer than config.compile.deadlineSeconds, the wait for a node included: raise it, or add nodes",
        )
    if condition is None:
        return None  # The container has ended without a word; the Job's controller has not said so yet.
    return Failure(
        failure_class=FailureClass.INFRASTRUCTURE,
        reason="NoResult",
        message=f"the Job ended without a result ({condition.get('message') or condition.get('reason') or condition.get('type')}); it is tried again",
    )


def no_node(job: Manifest, pod: Manifest) -> Refusal | None:
    """What the Job waits for while the scheduler finds no node for its pod. Only what stays the same while it waits."""
    if not is_unplaced(pod):
        return None
    return Refusal(Reason.UNPLACED, no_room(pod, "its Job", manifests.labels(job).get(label.POOL)))


def is_running(pod: Manifest) -> bool:
    """Whether one of the containers of a compile runs, and so tells how far it is."""
    return any((each.get("state") or {}).get("running") for each in _containers(pod))


def _containers(pod: Manifest) -> list[Mapping[str, Any]]:
    """Statuses of its containers, in the order in which they run."""
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def _endings(pod: Manifest) -> tuple[bool, Mapping[str, Any] | None]:
    """Whether a container has failed that others were to follow, and how the one that ended the pod has ended; None while it goes on."""
    states = [(each.get("state") or {}).get("terminated") for each in (pod.get("status") or {}).get("initContainerStatuses") or ()]
    failed = next((ended for ended in states if ended and ended.get("exitCode") != 0), None)
    return failed is not None, failed or (server_status(pod).get("state") or {}).get("terminated")


def _built(told: Mapping[str, Any]) -> Built | Failure:
    """The artifact that the compile pod names, if its words can be one: they come from where untrusted models are read."""
    made: Any = told.get("artifact")
    try:
        built = Built(
            uri=str(made["uri"]),
            digest=str(made["digest"]),
            size_bytes=int(made.get("sizeBytes", 0)),
            seconds=float(told.get("seconds", 0.0)),
            cached=told.get("cached") is True,
            accuracy=accuracy_of(told.get("accuracy")),
            memory=memory_of(told.get("memory")),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return UNREADABLE
    sound = len(built.uri) <= LONGEST_URI and DIGEST.fullmatch(built.digest) and 0 <= built.seconds < MOST_SECONDS
    return built if sound and 0 <= built.size_bytes <= EXACT_MAX else UNREADABLE


_MEASURES = (
    ("cosineMin", Measure.LEAST_COSINE, -1.0, 1.0),
    ("probabilityWorst", Measure.WORST_PROBABILITY, 0.0, 1.0),
    ("concordanceMin", Measure.SCORE_CONCORDANCE, -1.0, 1.0),
    ("largestDifference", Measure.LARGEST_DIFFERENCE, 0.0, 1.0),
    ("logprobWorst", Measure.WORST_LOGPROB, 0.0, MOST_NATS),
)
"""What a result calls each measure, and between which figures it can be."""


def accuracy_of(told: Any) -> Accuracy | None:
    """None where it is not told, or is no figure of its measure: an artifact is no worse for that."""
    for field, measure, least, most in _MEASURES:
        value = told.get(field) if isinstance(told, dict) else None
        if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
            return Accuracy(measure, float(value))
    return None


def memory_of(told: Any) -> ModelMemory | None:
    """None where it is not told, or is no size: then nothing is refused by it."""
    weights, token, positions = (
        value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= EXACT_MAX else None
        for value in (told.get(field) if isinstance(told, dict) else None for field in ("weightsBytes", "cacheBytesPerToken", "positions"))
    )
    return None if weights is None else ModelMemory(weights=weights, token=token, positions=positions)


def _condition(job: Manifest) -> Mapping[str, Any] | None:
    """The condition that says so. At its deadline that is FailureTarget: Failed waits for its pods to end (Kubernetes 1.31)."""
    conditions = [c for c in (job.get("status") or {}).get("conditions") or () if c.get("status") == "True"]
    late = (c for c in conditions if c.get("type") == "FailureTarget" and c.get("reason") == DEADLINE_EXCEEDED)
    return next((c for c in conditions if c.get("type") in {"Complete", "Failed"}), next(late, None))


def _taken_away(pod: Manifest) -> bool:
    """Whether somebody ended the pod who did not ask its container: a drain, a preemption, the kubelet (which then gives it a reason)."""
    status = pod.get("status") or {}
    disrupted = any(c.get("type") == "DisruptionTarget" and c.get("status") == "True" for c in status.get("conditions") or ())
    return manifests.is_leaving(pod) or disrupted or bool(status.get("reason"))
