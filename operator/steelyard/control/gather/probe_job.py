"""The Job of a probe: whether its server comes to be ready, whether the ramp runs, and what it found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from steelyard.control.gather.pod_trouble import SecretKeys, trouble
from steelyard.control.gather.queued import QuotaOf, is_gated, queue_of, unsaid, waits_since, words
from steelyard.control.gather.termination import last_word
from steelyard.control.gather.unplaced import is_unplaced, no_room
from steelyard.control.gather.workload_facts import crash_of, moment
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.memory import Move
from steelyard.core.facts.probe import Probe, ProbeState, ProbeStep
from steelyard.core.facts.snapshot import RefusedWrite
from steelyard.render import label, name

JOB = "Job"
LONGEST = 400
"""Characters of a message that are told."""
MOST_STEPS = 32
MOST_PARTS = 32
MOST_REQUESTS = 2**53
"""Above it a float no longer counts one by one."""
MOST = 1e9
"""Requests per second, seconds and milliseconds: what is more was never measured."""
OUTCOMES = ("good", "slow", "error", "shed")


def is_probe(job: Manifest) -> bool:
    """Whether its labels say so."""
    return manifests.labels(job).get(label.ROLE) == label.PROBE


def probe_of(
    job: Manifest, pod: Manifest | None, workload: WorkloadKey, keys: SecretKeys, now: datetime, quota_of: QuotaOf = unsaid
) -> Probe | None:
    """What the Job tells; None for one that is leaving, or not named as the probe that its labels speak of. `pod`: its newest. quota_of: what Kueue says
    of it."""
    labels, made = manifests.labels(job), moment(manifests.metadata(job).get("creationTimestamp"))
    move, key = labels.get(label.MOVE, ""), label.key_of(labels)
    if manifests.is_leaving(job) or made is None or manifests.name(job) != name.probe_job(workload, key, move):
        return None
    return replace(told_of(job, pod, key, keys, now, quota_of), move=move)


def told_of(job: Manifest, pod: Manifest | None, key: PlacementKey, keys: SecretKeys, now: datetime, quota_of: QuotaOf = unsaid) -> Probe:
    """What a Job tells whose generator asks the server beside it, for a trial or, once it has its name, for a move."""
    made = moment(manifests.metadata(job).get("creationTimestamp")) or now
    state = generator(pod or {})
    begun = moment((state.get("running") or {}).get("startedAt") or (state.get("terminated") or {}).get("startedAt"))
    # The kubelet starts what asks once the server beside it is ready; what is in a queue begins to start when it has its quota.
    ordered = made if pod is None or queue_of(pod) is None else quota_of(pod).given
    ready = None if begun is None or ordered is None else max(0.0, (begun - max(made, ordered)).total_seconds())
    gated = pod is not None and is_gated(pod)
    told = Probe(move="", key=key, state=ProbeState.STARTING, started=made, ready_seconds=ready, queued=gated)
    if (ended := state.get("terminated")) is not None:
        return _ended(told, ended)
    if (condition := over(job)) is not None:
        return _with(told, ProbeState.FAILED, _without_result(job, pod, condition, quota_of))
    if pod is not None and (why := crash_of(pod)) is not None:
        return _with(told, ProbeState.FAILED, why)
    if begun is not None:
        return _with(told, ProbeState.RUNNING, "")
    return _with(told, ProbeState.STARTING, "" if pod is None else _waits(pod, key.pool, keys, now, quota_of))


def refused_probe(workload: WorkloadKey, move: Move | None, refused: Iterable[RefusedWrite]) -> Probe | None:
    """That of a move whose Job the API server does not take; None where it takes it."""
    if move is None:
        return None
    names = {name.probe_job(workload, key, move.id): key for key in (move.source, move.target)}
    found = next((write for write in refused if write.kind == JOB and write.name in names), None)
    if found is None:
        return None
    return Probe(move=move.id, key=names[found.name], state=ProbeState.STARTING, started=move.step_time, message=str(found)[:LONGEST])


def _with(told: Probe, state: ProbeState, message: str, **found: Any) -> Probe:
    return replace(told, state=state, message=re.sub(r"\s+", " ", message).strip()[:LONGEST], **found)


def generator(pod: Manifest) -> Mapping[str, Any]:
    """The state of the container that asks."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return next((each.get("state") or {} for each in statuses), {})


def _waits(pod: Manifest, pool: str, keys: SecretKeys, now: datetime, quota_of: QuotaOf) -> str:
    """What keeps it from running, which somebody may mend, or a node or quota may come for, before its deadline."""
    if is_gated(pod):
        return f"its pod has to {words(pod, quota_of(pod))}" if waits_since(pod, now) is not None else ""
    if is_unplaced(pod):
        return no_room(pod, "its probe", pool)
    found = trouble(pod, f"a probe on pool {pool}", keys, now)
    return "" if found is None else found.message


def _ended(told: Probe, ended: Mapping[str, Any]) -> Probe:
    """By the last word of the container that asks."""
    word = last_word(ended)
    if word.get("result") == "Probed":
        try:
            steps, waited = steps_of(word.get("steps")), figure(word.get("readySeconds"))
        except ValueError as error:
            return _with(told, ProbeState.FAILED, f"the probe's result cannot be read: {error}")
        ready = None if told.ready_seconds is None else told.ready_seconds + waited
        return _with(told, ProbeState.DONE, str(word.get("message") or ""), steps=steps, ready_seconds=ready)
    said = word.get("message") if word.get("result") == "Failed" else None
    code, reason = ended.get("exitCode", "unknown"), ended.get("reason") or "no reason given"
    return _with(told, ProbeState.FAILED, str(said or f"the load generator ended without a result, with exit code {code} ({reason})"))


def steps_of(raw: Any) -> tuple[ProbeStep, ...]:
    """Those of a ramp; raises ValueError."""
    if not isinstance(raw, list) or not 1 <= len(raw) <= MOST_STEPS:
        raise ValueError(f"it has not 1 to {MOST_STEPS} steps")
    return tuple(step_of(each) for each in raw)


def step_of(raw: Any) -> ProbeStep:
    """One step as the generator tells it; raises ValueError."""
    if not isinstance(raw, dict):
        raise ValueError("a step is no object")
    counts = [whole(raw.get(outcome)) for outcome in OUTCOMES]
    rate, seconds = figure(raw.get("rate")), figure(raw.get("seconds"))
    if not rate or not seconds or not sum(counts):
        raise ValueError("a step has no rate, no seconds or no requests")
    good, slow, error, shed = counts
    finished = raw.get("finished", [])
    if not isinstance(finished, list) or len(finished) > MOST_PARTS:
        raise ValueError(f"a step tells of more than {MOST_PARTS} parts of it")
    return ProbeStep(
        rate=rate,
        seconds=seconds,
        good=good,
        slow=slow,
        error=error,
        shed=shed,
        p50_milliseconds=figure_or_none(raw.get("p50")),
        p99_milliseconds=figure_or_none(raw.get("p99")),
        finished=tuple(map(whole, finished)),
    )


def figure(raw: Any) -> float:
    """A number that can have been measured; raises ValueError."""
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not 0 <= raw <= MOST:
        raise ValueError("it has a figure that is no number, negative or too large")
    return float(raw)


def figure_or_none(raw: Any) -> float | None:
    """The same, of what may be left out."""
    return None if raw is None else figure(raw)


def whole(raw: Any) -> int:
    """A count of requests or tokens; raises ValueError."""
    if isinstance(raw, bool) or not isinstance(raw, int) or not 0 <= raw <= MOST_REQUESTS:
        raise ValueError("it has a count of requests that is none")
    return raw


def over(job: Manifest) -> Mapping[str, Any] | None:
    """The condition that says that it is over; None while it goes on. At its deadline FailureTarget says so first: Failed waits for its pod to end (Kubernetes 1.31)."""
    conditions = (job.get("status") or {}).get("conditions") or ()
    return next((c for c in conditions if c.get("type") in {"Complete", "Failed", "FailureTarget"} and c.get("status") == "True"), None)


def _without_result(job: Manifest, pod: Manifest | None, condition: Mapping[str, Any], quota_of: QuotaOf) -> str:
    if condition.get("reason") != "DeadlineExceeded":
        return f"the probe's Job ended without a result: {condition.get('message') or condition.get('reason') or condition.get('type')}"
    seconds = (job.get("spec") or {}).get("activeDeadlineSeconds")
    if pod is not None and is_gated(pod):
        return f"the probe did not begin within its {seconds} s: its pod had to {words(pod, quota_of(pod))}"
    # Only the Job's events say that a pod is not admitted, and nobody reads those.
    why = (
        ""
        if pod is not None
        else f": no pod of it is there; `kubectl describe job {manifests.name(job)} --namespace {manifests.namespace(job)}`"
    )
    return f"the probe did not end within its {seconds} s, the wait for a node and for its server included{why}"
