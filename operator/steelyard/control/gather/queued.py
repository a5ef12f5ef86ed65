"""Pods that wait in a queue of Kueue: its gate keeps every scheduler from seeing them until a ClusterQueue has quota for them.

The gate is Kueue's, and so is the word for when it goes: a pod does not tell it, since the condition PodScheduled keeps the time of its making all
along. A wait for quota is no wait for a node and no part of a start.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.render import label
from steelyard.status.scalar import time_of

OF_KUEUE = "kueue.x-k8s.io/"
"""What the names of its gates begin with."""
PATIENCE = timedelta(seconds=10)
"""Kueue looks at a pod within a second or two: one that it takes at once has not waited."""
LONGEST = 300


@dataclass(frozen=True, slots=True)
class Quota:
    """What Kueue says of one pod. given: when it was admitted; None before, and where nobody tells. why: in Kueue's words, why not yet."""

    given: datetime | None = None
    why: str = ""


NOTHING_SAID = Quota()
QuotaOf: TypeAlias = Callable[[Manifest], Quota]
"""Of a pod."""


@dataclass(frozen=True, slots=True)
class Queued:
    """The pods of one placement that wait for quota. given: when the last of those that do not serve yet had theirs."""

    count: int = 0
    message: str = ""
    since: datetime | None = None
    given: datetime | None = None


NOT_QUEUED = Queued()


def unsaid(_: Manifest) -> Quota:
    """Where nobody reads what Kueue says."""
    return NOTHING_SAID


def queue_of(pod: Manifest) -> str | None:
    """The LocalQueue that it is in, whoever put it there."""
    return manifests.labels(pod).get(label.QUEUE)


def is_gated(pod: Manifest) -> bool:
    """Whether it has yet to be admitted."""
    gates = (pod.get("spec") or {}).get("schedulingGates") or ()
    return not manifests.is_leaving(pod) and any(str(gate.get("name", "")).startswith(OF_KUEUE) for gate in gates)


def is_asked_for(pod: Manifest) -> bool:
    """Whether Kueue has something to say of it: it is in a queue, or behind its gate."""
    return queue_of(pod) is not None or is_gated(pod)


def waits_since(pod: Manifest, now: datetime) -> datetime | None:
    """Since when it waits for quota; None where it does not, or not for longer than an answer takes."""
    made = made_at(pod)
    return made if made is not None and is_gated(pod) and now - made >= PATIENCE else None


def words(pod: Manifest, quota: Quota) -> str:
    """What it waits for, as what is said of it: "waits for quota of LocalQueue team"."""
    said = re.sub(r"\s+", " ", quota.why).strip()[:LONGEST]
    name = queue_of(pod)
    return f"wait for quota of {f'LocalQueue {name}' if name else 'a queue of Kueue'}: {said or 'Kueue has not said why'}"


def queued(pods: Sequence[Manifest], quota_of: QuotaOf, is_ready: Callable[[Manifest], bool], now: datetime) -> Queued:
    """Of the pods of a placement. The first by name speaks for all: what is said of the others differs by what the first ones leave."""
    waiting = [(pod, since) for pod in sorted(pods, key=manifests.name) if (since := waits_since(pod, now)) is not None]
    starting = [
        pod for pod in pods if queue_of(pod) is not None and not is_gated(pod) and not is_ready(pod) and not manifests.is_leaving(pod)
    ]
    return Queued(
        count=len(waiting),
        message=words(waiting[0][0], quota_of(waiting[0][0])) if waiting else "",
        since=min((since for _, since in waiting), default=None),
        given=max((given for pod in starting if (given := quota_of(pod).given) is not None), default=None),
    )


def ordered_at(pod: Manifest, quota_of: QuotaOf) -> datetime | None:
    """From when on its start counts: from its making, or from when it had its quota; None where it is not known when that was."""
    if not is_asked_for(pod):
        return made_at(pod)
    return quota_of(pod).given


def made_at(pod: Manifest) -> datetime | None:
    """When it was made."""
    text = manifests.metadata(pod).get("creationTimestamp")
    return None if not text else time_of(str(text))
