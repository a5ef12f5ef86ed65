"""Pods that do not come: no node has room for them, or the API server does not admit them. Only what stays the same while they wait is said."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from steelyard.api.quantity import number
from steelyard.control.gather.queued import QuotaOf, unsaid
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.status.scalar import time_of

LONGEST = 400
_WHOSE = re.compile(r'^pods? "[^"]*" is forbidden: ')
"""A new name at each attempt."""
_USED = re.compile(r"used: [^:]*, (?=limited: )")
"""Of a quota: it changes with what else runs in the namespace."""


def is_unplaced(pod: Manifest) -> bool:
    """The scheduler has looked for a node and found none."""
    if manifests.is_leaving(pod):
        return False
    return any(
        c.get("type") == "PodScheduled" and c.get("status") == "False" and c.get("reason") == "Unschedulable" for c in _conditions(pod)
    )


def no_room(pod: Manifest, what: str, pool: str | None) -> str:
    """What a pod waits for that no node is found for; `what` it is."""
    # Containers that run one after another ask for the same, and one of them for a device; beside a probe's server runs a small one.
    each = (*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"])
    asked: dict[str, Any] = {}
    for resource, quantity in (pair for c in each for pair in ((c.get("resources") or {}).get("requests") or {}).items()):
        if resource not in asked or number(quantity) > number(asked[resource]):
            asked[resource] = quantity
    return (
        f"no node{f' of pool {pool}' if pool else ''} has room for {what}, which asks for"
        f" {', '.join(f'{resource} {quantity}' for resource, quantity in sorted(asked.items()))}: free one or add one;"
        f" `kubectl describe pod {manifests.name(pod)} --namespace {manifests.namespace(pod)}` says what each lacks"
    )


def refusal(deployment: Manifest) -> str:
    """Why the API server does not admit pods of this Deployment, such as a quota that is used up; empty where it does. What only went wrong
    on the way is tried again by whoever makes the pods, and is no refusal."""
    for condition in _conditions(deployment):
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            said = re.sub(r"\s+", " ", str(condition.get("message") or "")).strip()
            if _WHOSE.match(said):
                return f"the API server refuses their pods: {_USED.sub('', _WHOSE.sub('', said))[:LONGEST]}"
    return ""


def waiting_since(deployment: Manifest, pods: Sequence[Manifest], quota_of: QuotaOf = unsaid) -> datetime | None:
    """Since when the first of the replicas that do not serve waits for a node, an image, a Secret or its admission; None where none waits. A wait for
    quota before is none of these: the condition PodScheduled keeps the time of its making, and Kueue tells when it was over."""
    refused = [c for c in _conditions(deployment) if c.get("type") == "ReplicaFailure" and c.get("status") == "True"]
    moments = [time_of(str(c["lastTransitionTime"])) for c in refused if c.get("lastTransitionTime")]
    for pod in pods:
        given = quota_of(pod).given
        conditions = [c for c in _conditions(pod) if c.get("type") == "PodScheduled"] if is_unplaced(pod) else []
        since = [c.get("lastTransitionTime") for c in conditions]
        since += [manifests.metadata(pod).get("creationTimestamp")] if _lacks_a_container(pod) else []
        moments += [at if given is None else max(at, given) for moment in since if moment for at in [time_of(str(moment))]]
    return min(moments, default=None)


def node_found(pod: Manifest) -> datetime | None:
    """When a node was found for it."""
    found = next((c for c in _conditions(pod) if c.get("type") == "PodScheduled" and c.get("status") == "True"), None)
    return time_of(str(found["lastTransitionTime"])) if found and found.get("lastTransitionTime") else None


def _lacks_a_container(pod: Manifest) -> bool:
    """It has a node, and none of its containers could be made there yet."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    made = any((s.get("state") or {}).get("running") or (s.get("lastState") or {}).get("terminated") for s in statuses)
    return bool(statuses) and not made and not manifests.is_leaving(pod) and not is_unplaced(pod)


def _conditions(raw: Manifest) -> Sequence[Any]:
    return (raw.get("status") or {}).get("conditions") or ()


def unplaced(deployment: Manifest, pods: Sequence[Manifest], pool: str) -> tuple[int, str]:
    """How many of its replicas wait for a node or for their admission, and why."""
    nowhere = [pod for pod in pods if is_unplaced(pod)]
    why = refusal(deployment)
    if why:
        there = sum(1 for pod in pods if (pod.get("status") or {}).get("phase") not in {"Succeeded", "Failed"})
        missing = max(0, int((deployment.get("spec") or {}).get("replicas", 0)) - there)
        if missing:
            return len(nowhere) + missing, why
    if not nowhere:
        return 0, ""
    return len(nowhere), no_room(min(nowhere, key=manifests.name), "a replica", pool)
