"""Pods that do not come: no node has room for them, or the API server does not admit them. Only what stays the same while they wait is said."""

import re
from collections.abc import Sequence

from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest

LONGEST = 400
_WHOSE = re.compile(r'^pods? "[^"]*" is forbidden: ')
"""A new name at each attempt."""
_USED = re.compile(r"used: [^:]*, (?=limited: )")
"""Of a quota: it changes with what else runs in the namespace."""


def is_unplaced(pod: Manifest) -> bool:
    """The scheduler has looked for a node and found none."""
    if manifests.is_leaving(pod):
        return False
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "PodScheduled" and c.get("status") == "False" and c.get("reason") == "Unschedulable" for c in conditions)


def no_room(pod: Manifest, what: str, pool: str | None) -> str:
    """What a pod waits for that no node is found for; `what` it is."""
    asked = (pod["spec"]["containers"][0].get("resources") or {}).get("requests") or {}
    return (
        f"no node{f' of pool {pool}' if pool else ''} has room for {what}, which asks for"
        f" {', '.join(f'{resource} {quantity}' for resource, quantity in sorted(asked.items()))}: free one or add one;"
        f" `kubectl describe pod {manifests.name(pod)} --namespace {manifests.namespace(pod)}` says what each lacks"
    )


def refusal(deployment: Manifest) -> str:
    """Why the API server does not admit pods of this Deployment, such as a quota that is used up; empty where it does. What only went wrong
    on the way is tried again by whoever makes the pods, and is no refusal."""
    for condition in (deployment.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            said = re.sub(r"\s+", " ", str(condition.get("message") or "")).strip()
            if _WHOSE.match(said):
                return f"the API server refuses their pods: {_USED.sub('', _WHOSE.sub('', said))[:LONGEST]}"
    return ""


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
