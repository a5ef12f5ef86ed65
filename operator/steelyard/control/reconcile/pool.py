"""AcceleratorPools' status: nodes, devices and price as seen. Written only when it differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from steelyard.api.quantity import number
from steelyard.control.clock import Clock
from steelyard.control.gather.pool_facts import is_ready
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.api_client import ApiClient
from steelyard.control.kube.errors import Conflict, NotFound
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import ACCELERATOR_POOLS, NODES, PODS
from steelyard.control.kube.store import Store
from steelyard.core.facts.snapshot import Exhaustion, Pool
from steelyard.core.placing.decision import Note
from steelyard.core.planning.exhaustion import exhaustion
from steelyard.core.planning.overlap import shared
from steelyard.core.rebalancing.unready import unready_nodes
from steelyard.core.vocabulary.reading import Stale, Unknown
from steelyard.core.vocabulary.reason import Reason
from steelyard.status.patch import changes
from steelyard.status.scalar import decimal, time_text

OVERLAPPING = "Overlapping"
EXHAUSTED = "Exhausted"

Tell = Callable[[Manifest, tuple[Note, ...]], None]
"""Records events on an object."""


class PoolReconciler:
    """One pass over one pool. It decides nothing: it shows what decisions see."""

    def __init__(self, client: ApiClient, store: Store, snapshots: SnapshotBuilder, clock: Clock, tell: Tell) -> None:
        self._client = client
        self._store = store
        self._snapshots = snapshots
        self._clock = clock
        self._tell = tell

    async def reconcile(self, called: str) -> float | None:
        """Seconds after which to look again."""
        key = ACCELERATOR_POOLS.key(None, called)
        raw = self._store.get(key)
        pool = next((p for p in self._snapshots.pools() if p.name == called), None)
        if raw is None or pool is None or self._store.behind(key):
            return None if raw is None else 5.0
        old = raw.get("status") or {}
        patch = changes(old, self._status(raw, pool, old, self._clock.now()))
        if patch is not None:
            try:
                written = await self._client.patch_status(
                    ACCELERATOR_POOLS, None, called, patch, version=manifests.version(raw), uid=manifests.uid(raw)
                )
            except (Conflict, NotFound):
                # Another installation in this cluster shows the same pool, or somebody has just changed or deleted it: the watch brings what
                # is new.
                return 1.0
            self._store.wrote(ACCELERATOR_POOLS, written)
            self._tell(raw, _notes(old, written.get("status") or {}))
        return 60.0

    def _status(self, raw: Manifest, pool: Pool, old: Mapping[str, Any], now: datetime) -> Manifest:
        generation = int(manifests.metadata(raw).get("generation", 1))
        prices = [s.price for s in pool.shapes if s.price is not None]
        unusable = _unusable(pool, now)
        spent = exhaustion(pool.name, pool.exhaustion, self._snapshots.waits(pool.name), now)
        status: Manifest = {
            "observedGeneration": generation,
            "nodes": pool.nodes - pool.unready_nodes,
            "conditions": [
                _condition(
                    "Ready",
                    pool.nodes > pool.unready_nodes,
                    "Serving" if pool.nodes else "NoNodes",
                    _nodes_message(pool),
                    old,
                    generation,
                    now,
                ),
                _condition(
                    "Priced",
                    not unusable,
                    "PriceSuspect" if unusable else "Priced",
                    _price_message(pool, unusable),
                    old,
                    generation,
                    now,
                ),
                _condition(
                    OVERLAPPING,
                    bool(pool.overlaps),
                    Reason.OVERLAPPING.value if pool.overlaps else Reason.NOT_OVERLAPPING.value,
                    _overlap_message(pool),
                    old,
                    generation,
                    now,
                ),
                _condition(
                    EXHAUSTED,
                    spent is not None,
                    (Reason.POOL_EXHAUSTED if spent else Reason.NOT_EXHAUSTED).value,
                    _exhausted_message(spent),
                    old,
                    generation,
                    now,
                ),
            ],
        }
        if pool.resource_name:
            status["devices"] = self._devices(pool, pool.resource_name)
        if prices:
            highest = max(prices, key=lambda p: p.per_hour)
            if highest.as_of is not None:
                status["price"] = {
                    "value": decimal(highest.per_hour),
                    "currency": self._snapshots.settings.currency,
                    "class": highest.price_class.value,
                    "asOf": time_text(highest.as_of),
                }
        last = unready_nodes(pool, self._snapshots.pools()).remembered(now)
        if last is not None:
            status["unreadyNodes"] = {"startedTime": time_text(last.started)} | ({"endedTime": time_text(last.ended)} if last.ended else {})
        if spent is not None:
            status["exhausted"] = {
                "since": time_text(spent.since),
                "until": time_text(spent.until),
                "failures": spent.failures,
                "reason": spent.reason[:256],
            }
        return status

    def _devices(self, pool: Pool, resource: str) -> Manifest:
        nodes = [
            n for n in self._store.all(NODES) if all(manifests.labels(n).get(k) == v for k, v in pool.node_selector.items()) and is_ready(n)
        ]
        names = {manifests.name(n) for n in nodes}
        total = sum(int(number(((n.get("status") or {}).get("allocatable") or {}).get(resource, 0))) for n in nodes)
        used = 0
        for pod in self._store.all(PODS):
            if (pod.get("spec") or {}).get("nodeName") in names:
                for container in pod["spec"].get("containers") or ():
                    used += int(number(((container.get("resources") or {}).get("requests") or {}).get(resource, 0)))
        return {"total": total, "used": used, "idle": max(0, total - used)}


def _nodes_message(pool: Pool) -> str:
    if pool.nodes == 0:
        return "no node has the labels of spec.nodes.selector"
    return f"{pool.nodes - pool.unready_nodes} of {pool.nodes} nodes are ready"


def _overlap_message(pool: Pool) -> str:
    if not pool.overlaps:
        return "no other pool has a node of this one"
    others = "; ".join(f"{shared(o)} with pool {o.pool}, which is {'older' if o.older else 'newer'}" for o in pool.overlaps)
    return (
        f"shares {others}: their cost is counted once, and a workload is neither tried nor moved between these pools; give each a"
        " spec.nodes.selector that matches its own nodes alone"
    )[:1024]


def _exhausted_message(spent: Exhaustion | None) -> str:
    if spent is None:
        return "nodes are found for the replicas that ask for them"
    return f"replicas waited for a node in vain, {spent.failures} time(s): {spent.reason}; tried again with one replica from {spent.until:%H:%M:%S} UTC on"[
        :1024
    ]


def _notes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Note, ...]:
    """One event when pools begin to overlap, and when one delivers no nodes any more."""
    found = []
    for kind, reason in ((OVERLAPPING, Reason.OVERLAPPING), (EXHAUSTED, Reason.POOL_EXHAUSTED)):
        was, now = (
            next((c for c in status.get("conditions") or () if c["type"] == kind and c["status"] == "True"), None)
            for status in (before, after)
        )
        if now is not None and was is None:
            found.append(Note(reason, now["message"], warning=True))
    return tuple(found)


def _unusable(pool: Pool, now: datetime) -> list[str]:
    """One sentence for each shape whose price justifies no move."""
    found = []
    for shape in pool.shapes:
        if shape.price is None:
            found.append(f"{shape.instance_type}: no price is given: set pricePerHour, priceClass and asOf of it in spec.shapes[]")
            continue
        match shape.price.reading(now):
            case Stale(_, _, why) | Unknown(why):
                found.append(f"{shape.instance_type}: {why}")
    return found


def _price_message(pool: Pool, unusable: list[str]) -> str:
    """The first in full: what is to be done is the same for the others, or is said next."""
    if not unusable:
        return "every shape has a price"
    few = f"{len(unusable)} of {len(pool.shapes)} shapes have no usable price; " if len(pool.shapes) > 1 else ""
    return f"{few}{unusable[0]}"


def _condition(kind: str, holds: bool, reason: str, message: str, old: Mapping[str, Any], generation: int, now: datetime) -> Manifest:
    status = "True" if holds else "False"
    before = next((c for c in old.get("conditions") or () if c.get("type") == kind), None)
    since = before["lastTransitionTime"] if before and before.get("status") == status else time_text(now)
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": generation,
        "lastTransitionTime": since,
    }
