"""Annotations by which Karpenter and Cluster Autoscaler leave the pods of a move's target alone; gone after.

The pods are annotated and not their template: that is never written again for the same revision, and would protect every later replica as
well. Karpenter takes a duration, which ends by itself; Cluster Autoscaler takes none, so that what is left of it by an operator that died is
removed by the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from steelyard.control.clock import Clock
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.errors import Conflict, Forbidden, Invalid, NotFound
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.reader import Reader
from steelyard.control.kube.resource import PODS, Resource
from steelyard.control.kube.store import Store
from steelyard.control.log import get_logger
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.memory import Move
from steelyard.core.rebalancing.protection import protected, seconds_from
from steelyard.render import label
from steelyard.render.protected_pod import DO_NOT_DISRUPT, PROTECTED_FOR, SAFE_TO_EVICT, left_alone
from steelyard.status.scalar import time_of

REFUSED_SECONDS = 300.0
"""After a refusal, as of an older role that may not patch pods."""
_log = get_logger(__name__)
Annotations = Mapping[str, str | None]


class Writer(Protocol):
    """The part of the API client that is needed."""

    async def patch_annotations(
        self, resource: Resource, namespace: str, name: str, annotations: Annotations, *, version: str, uid: str
    ) -> Manifest:
        """Set annotations, and remove those of None."""
        ...


class Protection:
    """Of the pods of all workloads."""

    def __init__(self, client: Writer, store: Store, reader: Reader, is_own: Callable[[Manifest], bool], clock: Clock) -> None:
        self._client = client
        self._store = store
        self._reader = reader
        self._is_own = is_own
        self._clock = clock
        self._refused_until = 0.0

    async def keep(self, workload: WorkloadKey, move: Move | None, *, provisioned: bool) -> bool:
        """Annotate the pods that the move needs, and free those that none does. False: something changed meanwhile; look again soon.
        `provisioned`: whether something removes nodes of the target's pool."""
        if self._clock.monotonic() < self._refused_until:
            return True
        settled = True
        for pod in self._store.labelled(PODS, label.WORKLOAD, workload.name, workload.namespace):
            patch = self._reader.read(PODS, pod, lambda each: self._patch(each, move if provisioned else None))
            if patch:
                settled = await self._write(pod, patch) and settled
        return settled

    def _patch(self, pod: Manifest, move: Move | None) -> Annotations:
        """What is to be changed; empty where it is as it should be, or somebody else has said how it is to be treated."""
        found = manifests.annotations(pod)
        ours = PROTECTED_FOR in found
        if manifests.is_leaving(pod) or (not ours and (DO_NOT_DISRUPT in found or SAFE_TO_EVICT in found)):
            return {}
        wanted = self._wanted(pod, move)
        if not wanted and not ours:
            return {}
        if not self._is_own(pod):
            return {}
        return {key: wanted.get(key) for key in (DO_NOT_DISRUPT, SAFE_TO_EVICT, PROTECTED_FOR) if found.get(key) != wanted.get(key)}

    def _wanted(self, pod: Manifest, move: Move | None) -> dict[str, str]:
        started = (pod.get("status") or {}).get("startTime")
        labels = manifests.labels(pod)
        needed = move is not None and label.key_of(labels) == protected(move) and labels.get(label.ROLE) == label.SERVING
        if move is None or not needed or not started:
            return {}
        return {**left_alone(seconds_from(time_of(str(started)), move)), PROTECTED_FOR: move.id}

    async def _write(self, pod: Manifest, patch: Annotations) -> bool:
        namespace, called = manifests.namespace(pod) or "", manifests.name(pod)
        try:
            written: dict[str, Any] = await self._client.patch_annotations(
                PODS, namespace, called, patch, version=manifests.version(pod), uid=manifests.uid(pod)
            )
        except Conflict:
            return False
        except NotFound:
            return True
        except (Forbidden, Invalid) as refused:
            _log.warning("pods of moves are not protected from autoscalers: update the operator's role", error=str(refused))
            self._refused_until = self._clock.monotonic() + REFUSED_SECONDS
            return True
        self._store.wrote(PODS, written)
        return True
