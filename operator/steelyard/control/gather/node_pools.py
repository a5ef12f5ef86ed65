"""NodePools of Karpenter that pools name, and why Karpenter makes no node for replicas that wait.

They are listed every few seconds and not watched: Karpenter writes its counts into them all the time, and its kinds may be missing or come
later. Where no pool names one nothing is asked, and claims and events are asked for only while replicas wait.

A launch that fails for want of capacity leaves no condition: Karpenter tells it by an event on the NodeClaim, and deletes that
(sigs.k8s.io/karpenter 1.14.1, pkg/controllers/nodeclaim/lifecycle/launch.go). The NodeClaim's name is the NodePool's with a few characters more.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from steelyard.api.accelerator_pool import NODE_POOL
from steelyard.api.quantity import number
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.errors import Forbidden, NotFound
from steelyard.control.kube.lister import Lister
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import CLUSTER_EVENTS_NAMESPACE, CORE_EVENTS, NODE_CLAIMS, NODE_POOLS
from steelyard.core.facts.node_pool import NodePool
from steelyard.core.vocabulary.reason import Reason, Refusal
from steelyard.status.scalar import time_of

LOOK_SECONDS = 10.0
"""Karpenter gathers pods for as long before it makes nodes for them."""
PAGE = 500
WORDS = 200
"""Characters of what Karpenter says that are told."""
EVENTS = f"involvedObject.apiVersion={NODE_POOLS.api_version},type=Warning"
NOTHING_TO_BE_HAD = frozenset({"InsufficientCapacityError", "NoCompatibleInstanceTypes"})
"""Reasons of such events: no offering of a NodeClaim was to be had, or the NodePool has none that is."""
NOT_TRIED_YET = "AwaitingReconciliation"
GENERATED, LONGEST = 5, 58
"""Characters that the API server adds to a name, and the most that it keeps of it before."""
_WHOSE = re.compile(r"^NodeClaim \S+ event: ")


@dataclass(frozen=True, slots=True, order=True)
class Told:
    """What Karpenter said, and when."""

    at: datetime
    words: str


@dataclass(slots=True)
class _Tried:
    """Of one NodePool, at the last look: launches that failed, the last that did not, and whether a node is on its way."""

    failed: list[Told] = field(default_factory=list)
    launched: datetime | None = None
    coming: bool = False


class NodePools:
    """As they were at the last look. `version` changes when what a pool goes by does."""

    def __init__(self, client: Lister | None = None) -> None:
        self._client = client
        self._found: Mapping[str, NodePool | Refusal] = {}
        self._missing: Refusal | None = None
        self._tried: Mapping[str, _Tried] = {}
        self.version = 0

    def of(self, called: str) -> NodePool | Refusal | None:
        """The NodePool of that name, or why no nodes are made by it; None before it was looked for."""
        return self._found.get(called)

    def refused(self, called: str, since: datetime) -> tuple[Told, str] | None:
        """When Karpenter first said, from a moment on, that no node is to be had, and its last words; None where it has not, or has launched one
        since."""
        tried = self._tried.get(called)
        # Events are told by the whole second.
        failed = sorted(each for each in tried.failed if each.at >= since.replace(microsecond=0)) if tried else []
        if tried is None or not failed or tried.coming or (tried.launched is not None and tried.launched >= failed[0].at):
            return None
        return failed[0], f"Karpenter makes no node by NodePool {called}: {failed[-1].words}"

    async def look(self, named: Collection[str], waiting: Collection[str] = ()) -> frozenset[str]:
        """Look at those that pools name, and at what is tried for those that replicas wait for; the names of which something else is known than
        before, or of which a launch failed. Raises ApiError, and leaves what was found."""
        assert self._client is not None
        found = await _node_pools(self._client, named) if named else {}
        changed = {called for called in {*found, *self._found} if found.get(called) != self._found.get(called)}
        if changed:
            self._found, self.version = found, self.version + 1
        self._tried = await _tries(self._client, waiting) if waiting else {}
        return frozenset(changed | {called for called, tried in self._tried.items() if tried.failed})


async def _node_pools(client: Lister, named: Collection[str]) -> Mapping[str, NodePool | Refusal]:
    try:
        listing = await client.list(NODE_POOLS, page_size=PAGE, keep=_node_pool_kept)
    except NotFound:
        why = "the API server does not serve karpenter.sh/v1: install Karpenter"
    except Forbidden as error:
        why = f"the operator may not list NodePools: update its role ({error})"[:300]
    else:
        there = {manifests.name(each): each for each in listing.items if each}
        return {called: _node_pool(called, there.get(called)) for called in sorted(named)}
    return {
        called: Refusal(Reason.NO_KARPENTER, f"NodePool {called} is not read, and the nodes that stand are planned with: {why}")
        for called in sorted(named)
    }


async def _tries(client: Lister, waiting: Collection[str]) -> Mapping[str, _Tried]:
    tried: dict[str, _Tried] = defaultdict(_Tried)
    for claim in await _claims(client, waiting):
        _note_claim(claim, tried)
    for event in await _events(client):
        for called in waiting:
            if _is_about(event, called):
                tried[called].failed.append(Told(event["at"], event["words"]))
    return {called: tried[called] for called in sorted(waiting)}


async def _claims(client: Lister, waiting: Collection[str]) -> Sequence[Manifest]:
    selector = f"{NODE_POOL} in ({','.join(sorted(waiting))})"
    try:
        return (await client.list(NODE_CLAIMS, label_selector=selector, page_size=PAGE, keep=_claim_kept)).items
    except (NotFound, Forbidden):
        return ()


async def _events(client: Lister) -> Sequence[Manifest]:
    try:
        listing = await client.list(CORE_EVENTS, CLUSTER_EVENTS_NAMESPACE, field_selector=EVENTS, page_size=PAGE, keep=_event_kept)
    except (NotFound, Forbidden):
        # An older chart's role does not know of it: then the deadline of pods that wait tells, later and in fewer words.
        return ()
    return [each for each in listing.items if each]


def _node_pool_kept(raw: Manifest) -> Manifest:
    """Without its counts and its managed fields."""
    try:
        meta = manifests.metadata(raw)
        template = (raw["spec"].get("template") or {}).get("spec") or {}
        return {
            "metadata": {"name": meta["name"], "deletionTimestamp": meta.get("deletionTimestamp")},
            "taints": [_taint(each) for each in template.get("taints") or ()],
            "limits": {str(resource): number(most) for resource, most in (raw["spec"].get("limits") or {}).items()},
            "static": raw["spec"].get("replicas") is not None,
            "ready": next((c for c in (raw.get("status") or {}).get("conditions") or () if c.get("type") == "Ready"), None),
        }
    except (KeyError, TypeError, AttributeError, ValueError):
        return {}


def _taint(raw: Mapping[str, Any]) -> dict[str, str]:
    return {"key": str(raw["key"]), **{part: str(raw[part]) for part in ("value", "effect") if raw.get(part)}}


def _node_pool(called: str, kept: Manifest | None) -> NodePool | Refusal:
    if kept is None:
        said = f"there is no NodePool {called}, or it cannot be read, and the nodes that stand are planned with: apply it, or correct spec.provisioner.nodePool"
        return Refusal(Reason.NODE_POOL_MISSING, said)
    return NodePool(name=called, taints=tuple(kept["taints"]), limits=kept["limits"], not_ready=_not_ready(kept))


def _not_ready(kept: Manifest) -> str:
    if kept["metadata"]["deletionTimestamp"]:
        return "it is being deleted"
    if kept["static"]:
        return "its spec.replicas fixes how many there are, so that none is made for a replica that waits"
    ready = kept["ready"]
    if ready is None:
        return "Karpenter has said nothing of it: does its controller run?"
    if ready.get("status") == "True":
        return ""
    return _words(f"it is not ready ({ready.get('reason') or ready.get('status')}): {ready.get('message') or 'Karpenter does not say why'}")


def _claim_kept(raw: Manifest) -> Manifest:
    """Its NodePool, and where it stands: launched or not, and whether its node is ready for pods."""
    try:
        by_type = {str(c["type"]): c for c in (raw.get("status") or {}).get("conditions") or ()}
        launched = by_type.get("Launched") or {}
        return {
            "of": manifests.labels(raw)[NODE_POOL],
            "launched": launched,
            "at": time_of(launched["lastTransitionTime"]) if launched.get("lastTransitionTime") else None,
            "initialized": (by_type.get("Initialized") or {}).get("status") == "True",
        }
    except (KeyError, TypeError, AttributeError, ValueError):
        return {}


def _note_claim(claim: Manifest, tried: Mapping[str, _Tried]) -> None:
    if not claim:
        return
    of, launched, at = tried[claim["of"]], claim["launched"], claim["at"]
    if launched.get("status") == "True":
        of.coming = of.coming or not claim["initialized"]
        of.launched = max(filter(None, (of.launched, at)), default=None)
    elif at is not None and launched.get("reason") not in {None, NOT_TRIED_YET}:
        of.failed.append(Told(at, _words(f"{launched['reason']}: {launched.get('message') or ''}")))


def _event_kept(raw: Manifest) -> Manifest:
    """What it is about, when it was last seen, and its words; empty where it is of something else or cannot be read."""
    try:
        if raw.get("reason") not in NOTHING_TO_BE_HAD:
            return {}
        moments = (
            raw.get("lastTimestamp"),
            (raw.get("series") or {}).get("lastObservedTime"),
            raw.get("eventTime"),
            raw.get("firstTimestamp"),
        )
        at = next(time_of(str(moment)) for moment in moments if moment)
        about = raw["involvedObject"]
        return {"kind": about["kind"], "name": str(about["name"]), "at": at, "words": _words(f"{raw['reason']}: {_plain(raw)}")}
    except (KeyError, TypeError, AttributeError, ValueError, StopIteration):
        return {}


def _plain(raw: Manifest) -> str:
    return _WHOSE.sub("", str(raw.get("message") or ""))


def _is_about(event: Manifest, called: str) -> bool:
    """Whether it speaks of this NodePool, or of a NodeClaim that was made by it."""
    if event["kind"] == NODE_POOLS.kind:
        return bool(event["name"] == called)
    return bool(event["kind"] == NODE_CLAIMS.kind and event["name"][:-GENERATED] == f"{called}-"[:LONGEST])


def _words(said: str) -> str:
    return " ".join(said.split())[:WORDS]
