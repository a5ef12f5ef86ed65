"""Objects that workloads of `server.existing` name, and their pods: looked at in turns, since no watch of ours brings what is not ours.

A watch of all pods of the cluster would cost memory and processor time in proportion to what others run (as for `other_pods`). Two reads a look of
one object cost the same whatever else there is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from steelyard.control.gather.device_claims import NOTHING, Held, claimed
from steelyard.control.gather.pod_facts import served_pod
from steelyard.control.gather.running import CHOSEN, CLAIMED
from steelyard.control.gather.workload_facts import crash_of
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.errors import ApiError, Forbidden, NotFound
from steelyard.control.kube.lister import Lister
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.ownership import deployment_of
from steelyard.control.kube.resource import (
    DEPLOYMENTS,
    INFERENCE_SERVICES,
    INFERENCE_WORKLOADS,
    LEADER_WORKER_SETS,
    PODS,
    STATEFUL_SETS,
    Resource,
)
from steelyard.core.facts.existing import Existing
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.vocabulary.reason import Reason, Refusal

A_ROUND = 50
"""Objects that are looked at in one round; of more each has its turn."""
AT_ONCE = 10
PAGE = 100
"""Pods of one answer."""
MOST_PODS = 2000
"""Of one object. What has more is not read: its owner could fill our memory with it."""
RESOURCES: Mapping[str, Resource] = {each.kind: each for each in (DEPLOYMENTS, STATEFUL_SETS, LEADER_WORKER_SETS, INFERENCE_SERVICES)}
LEADER_WORKER_SET = "leaderworkerset.sigs.k8s.io/name"
INFERENCE_SERVICE = "serving.kserve.io/inferenceservice"
BY_LABEL = {LEADER_WORKER_SETS.kind: LEADER_WORKER_SET, INFERENCE_SERVICES.kind: INFERENCE_SERVICE}
"""Kinds whose pods are known by one label with the object's name."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What the last look at an object found: the object and its pods, or why there is nothing to measure."""

    object: Manifest
    pods: tuple[Manifest, ...] = ()
    refusal: Refusal | None = None


class Asker(Lister, Protocol):
    """The part of the API client that is needed."""

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Manifest:
        """One object."""
        ...


class ExistingObjects:
    """As they were at the last look. The same objects until a look finds others."""

    def __init__(self, client: Asker) -> None:
        self._client = client
        self._looked: dict[WorkloadKey, tuple[Existing, Looked]] = {}
        self._turn: dict[WorkloadKey, int] = {}
        self._round = 0

    def of(self, workload: WorkloadKey, existing: Existing) -> Looked | None:
        """None before the first look at what the workload names now."""
        known = self._looked.get(workload)
        return known[1] if known is not None and known[0] == existing else None

    async def look(self, wanted: Mapping[WorkloadKey, Existing]) -> Sequence[WorkloadKey]:
        """Look at those whose turn it is; those of which something else was found than before. A look that fails leaves what was found."""
        self._round += 1
        self._looked = {key: known for key, known in self._looked.items() if key in wanted}
        self._turn = {key: last for key, last in self._turn.items() if key in wanted}
        turn = sorted(wanted, key=lambda key: (self._turn.get(key, 0), key))[:A_ROUND]
        permits = asyncio.Semaphore(AT_ONCE)

        async def one(key: WorkloadKey) -> WorkloadKey | None:
            async with permits:
                return key if await self._look_at(key, wanted[key]) else None

        self._turn.update(dict.fromkeys(turn, self._round))
        return [key for key in await asyncio.gather(*map(one, turn)) if key is not None]

    async def _look_at(self, key: WorkloadKey, existing: Existing) -> bool:
        before = self.of(key, existing)
        try:
            now = await self._found(key, existing, before)
        except ApiError:
            return False
        except Exception:  # what one object says, however odd, is that workload's alone
            told = f"{existing} cannot be read: its spec, or what the API server answers for its pods, is not what this version knows"
            now = _the_same(before, Looked({}, refusal=Refusal(Reason.EXISTING_MISSING, told)))
        self._looked[key] = existing, now
        return now is not before

    async def _found(self, key: WorkloadKey, existing: Existing, before: Looked | None) -> Looked:
        resource = RESOURCES[existing.kind]
        try:
            found = await self._client.get(resource, key.namespace, existing.name)
        except NotFound:
            return _the_same(before, Looked({}, refusal=_missing(key, existing)))
        except Forbidden as refused:
            return _the_same(before, Looked({}, refusal=Refusal(Reason.EXISTING_MISSING, f"{existing} may not be read: {refused.message}")))
        refusal = _not_to_be_read(found, existing)
        if refusal is not None:
            return _the_same(before, Looked({}, refusal=refusal))
        selector = _selector(found, existing)
        listing = await self._client.list(PODS, key.namespace, label_selector=selector, page_size=PAGE, keep=_kept)
        mine = [pod for pod in listing.items if pod and _is_of(pod, found, existing)]
        if len(mine) > MOST_PODS:
            told = f"{existing} has more than {MOST_PODS} pods, and is not read: measure a part of it as an object of its own"
            return _the_same(before, Looked({}, refusal=Refusal(Reason.EXISTING_MISSING, told)))
        if any(pod["spec"]["resourceClaims"] for pod in mine):
            held = await claimed(self._client, key.namespace)
            mine = [_holding(pod, held.get(manifests.uid(pod), NOTHING)) for pod in mine]
        known = {manifests.uid(pod): pod for pod in before.pods} if before is not None else {}
        pods = tuple(sorted((_known(pod, known) for pod in mine), key=manifests.name))
        return _the_same(before, Looked(_known_object(found, before), pods))


def _missing(key: WorkloadKey, existing: Existing) -> Refusal:
    served = "" if existing.kind in {DEPLOYMENTS.kind, STATEFUL_SETS.kind} else ", or the cluster has no such kind"
    return Refusal(
        Reason.EXISTING_MISSING,
        f"there is no {existing} in namespace {key.namespace}{served}: correct spec.server.existing, or create it; it is looked for every few seconds",
    )


def _not_to_be_read(found: Manifest, existing: Existing) -> Refusal | None:
    owners = manifests.metadata(found).get("ownerReferences") or ()
    ours = next(
        (o for o in owners if o.get("kind") == INFERENCE_WORKLOADS.kind and str(o.get("apiVersion", "")).startswith("steelyard.dev/")), None
    )
    if ours is not None:
        told = f"{existing} is Steelyard's own, made for InferenceWorkload {ours.get('name')}: that one tells what it costs"
        return Refusal(Reason.EXISTING_MISSING, told)
    return None


def _selector(found: Manifest, existing: Existing) -> str:
    """Of its pods, as the API server reads it."""
    if existing.kind in BY_LABEL:
        return f"{BY_LABEL[existing.kind]}={existing.name}"
    raw = (found.get("spec") or {}).get("selector") or {}
    parts = [f"{key}={value}" for key, value in sorted((raw.get("matchLabels") or {}).items())]
    for each in raw.get("matchExpressions") or ():
        values = f" ({','.join(each.get('values') or ())})"
        words = {
            "In": f"{each['key']} in{values}",
            "NotIn": f"{each['key']} notin{values}",
            "Exists": each["key"],
            "DoesNotExist": f"!{each['key']}",
        }
        parts.append(words[each["operator"]])
    return ",".join(parts)


def _is_of(pod: Manifest, found: Manifest, existing: Existing) -> bool:
    """Whether the object made it: who can only label a pod cannot pass it off as one."""
    if existing.kind == DEPLOYMENTS.kind:
        return deployment_of(pod) == existing.name
    if existing.kind == STATEFUL_SETS.kind:
        return manifests.controller_uid(pod) == manifests.uid(found)
    return manifests.controller_uid(pod) is not None


def _kept(pod: Manifest) -> Manifest:
    """What is asked of a pod; the rest may be large. Empty for one that cannot be read: it hides no other."""
    try:
        small = _small(pod)
        served_pod(small, None, None, WorkloadKey("", ""), PlacementKey("", ""))
        crash_of(small)
    except Exception:
        return {}
    return small


def _small(pod: Manifest) -> Manifest:
    meta, spec = manifests.metadata(pod), pod.get("spec") or {}
    names = ("name", "namespace", "uid", "labels", "ownerReferences", "creationTimestamp", "deletionTimestamp", "resourceVersion")
    return {
        "metadata": {name: meta[name] for name in names if name in meta},
        "spec": {
            "nodeName": spec.get("nodeName"),
            "schedulingGates": spec.get("schedulingGates") or [],
            "resourceClaims": bool(spec.get("resourceClaims")),
            "containers": [_container(each) for each in spec.get("containers") or ()],
            "initContainers": [_container(each) for each in spec.get("initContainers") or ()],
        },
        "status": pod.get("status") or {},
    }


def _container(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {name: raw[name] for name in ("name", "resources", "restartPolicy") if name in raw}


def _known(pod: Manifest, known: Mapping[str, Manifest]) -> Manifest:
    """As it was found before, where it has not changed: what was made of it is true."""
    before = known.get(manifests.uid(pod))
    if before is None or manifests.version(before) != manifests.version(pod):
        return pod
    return before if all(before["spec"].get(each) == pod["spec"].get(each) for each in (CLAIMED, CHOSEN)) else pod


def _holding(pod: Manifest, held: Held) -> Manifest:
    return {**pod, "spec": {**pod["spec"], CLAIMED: held.devices, CHOSEN: held.chosen}}


def _known_object(found: Manifest, before: Looked | None) -> Manifest:
    """Its wanted replicas alone, the rest of its spec is nobody's business here."""
    now = {"metadata": {"uid": manifests.uid(found)}, "replicas": (found.get("spec") or {}).get("replicas")}
    return before.object if before is not None and before.object == now else now


def _the_same(before: Looked | None, now: Looked) -> Looked:
    if before is None or before.refusal != now.refusal or (before.object is not now.object and before.object != now.object):
        return now
    alike = len(before.pods) == len(now.pods) and all(one is other for one, other in zip(before.pods, now.pods, strict=True))
    return before if alike else replace(now, object=before.object)
