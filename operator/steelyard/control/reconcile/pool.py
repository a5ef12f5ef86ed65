"""AcceleratorPools' status: nodes, devices and price as seen. Written only when it differs."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from steelyard.control.clock import Clock
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.api_client import ApiClient
from steelyard.control.kube.backoff import Backoff
from steelyard.control.kube.errors import Conflict, NotFound
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import ACCELERATOR_POOLS
from steelyard.control.kube.store import Store
from steelyard.core.economics.replica_price import lines_to_add
from steelyard.core.facts.publication import Publication
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
PROVISIONED = "Provisioned"
PUBLISHED = "Published"

Tell = Callable[[Manifest, tuple[Note, ...]], None]
"""Records events on an object."""


CONTESTED = Backoff(base=2.0, cap=1800.0, spread=0.2)


@dataclass(frozen=True, slots=True)
class _Written:
    """What was written last, when, how often it was written again because another hand had changed it, and until when it is not."""

    content: Manifest
    at: float
    times: int
    until: float


class PoolReconciler:
    """One pass over one pool. It decides nothing: it shows what decisions see."""

    def __init__(
        self,
        client: ApiClient,
        store: Store,
        snapshots: SnapshotBuilder,
        clock: Clock,
        tell: Tell,
        *,
        published: Callable[[Pool], Publication | None] = lambda _: None,
        counts_devices: bool = True,
        others_seen: Callable[[], bool] = lambda: True,
    ) -> None:
        """`published`: what is told of the pool to what makes its nodes; None where nobody asks for that. `counts_devices`: whether the pods of all
        namespaces are seen. Who sees some of them would count other devices than the next. `others_seen`: whether pods of nobody's workloads were
        looked at: until then what was counted before stays."""
        self._client = client
        self._store = store
        self._snapshots = snapshots
        self._clock = clock
        self._tell = tell
        self._published = published
        self._counts_devices = counts_devices
        self._others_seen = others_seen
        self._chance = random.Random()
        self._written: dict[str, _Written] = {}

    async def reconcile(self, called: str) -> float | None:
        """Seconds after which to look again."""
        key = ACCELERATOR_POOLS.key(None, called)
        raw = self._store.get(key)
        pool = next((p for p in self._snapshots.pools() if p.name == called), None)
        if raw is None:
            self._written.pop(called, None)
            return None
        if pool is None or self._store.behind(key):
            return 5.0
        old = raw.get("status") or {}
        wanted = self._status(raw, pool, old, self._clock.now())
        patch = changes(old, wanted)
        if patch is not None:
            content = _content(wanted)
            wait = self._contested(called, content)
            if wait > 0:
                return wait
            try:
                written = await self._client.patch_status(
                    ACCELERATOR_POOLS, None, called, patch, version=manifests.version(raw), uid=manifests.uid(raw)
                )
            except (Conflict, NotFound):
                # Another installation in this cluster shows the same pool, or somebody has just changed or deleted it: the watch brings what
                # is new.
                return 1.0
            self._wrote(called, content)
            self._store.wrote(ACCELERATOR_POOLS, written)
            self._tell(raw, _notes(old, written.get("status") or {}))
        return 60.0

    def _contested(self, called: str, content: Manifest) -> float:
        """Seconds to wait before a status is written once more that another hand has changed since: most often another installation's, which
        sees it otherwise, of another version or with other pods. Who wrote last stays right, and each try is later than the one before."""
        before = self._same(called, content)
        return 0.0 if before is None else max(0.0, before.until - self._clock.monotonic())

    def _wrote(self, called: str, content: Manifest) -> None:
        now, before = self._clock.monotonic(), self._same(called, content)
        times = before.times + 1 if before else 0
        self._written[called] = _Written(content, now, times, now + CONTESTED.delay(times, self._chance) if before else now)

    def _same(self, called: str, content: Manifest) -> _Written | None:
        """What was written last, where it was the same and not long ago."""
        before = self._written.get(called)
        if before is None or before.content != content or self._clock.monotonic() - before.at > 2 * CONTESTED.cap:
            return None
        return before

    def _status(self, raw: Manifest, pool: Pool, old: Mapping[str, Any], now: datetime) -> Manifest:
        generation = int(manifests.metadata(raw).get("generation", 1))
        standing = [s for s in pool.shapes if s.standing]
        prices = [s.price for s in standing or pool.shapes if s.price is not None]
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
                *(
                    _condition(kind, told.holds, told.reason.value, told.message[:1024], old, generation, now)
                    for kind, told in ((PROVISIONED, pool.provisioning), (PUBLISHED, self._published(pool)))
                    if told is not None
                ),
            ],
        }
        if pool.resource_name and self._counts_devices:
            total, used = self._snapshots.devices(pool.resource_name, pool.node_selector)
            counted = {"total": total, "used": used, "idle": total - used}
            status["devices"] = counted if self._others_seen() else old.get("devices", counted)
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


def _content(status: Manifest) -> Manifest:
    """A status without the times of its conditions."""
    return {**status, "conditions": [{k: v for k, v in c.items() if k != "lastTransitionTime"} for c in status["conditions"]]}


def _nodes_message(pool: Pool) -> str:
    if pool.nodes == 0:
        return f"no node has the labels {', '.join(f'{key}={value}' for key, value in sorted(pool.node_selector.items()))}"
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
    """One event when pools begin to overlap, when one delivers no nodes any more, and when what makes its nodes cannot."""
    found = []
    for kind, status in ((OVERLAPPING, "True"), (EXHAUSTED, "True"), (PROVISIONED, "False")):
        was, now = (
            next((c for c in told.get("conditions") or () if c["type"] == kind and c["status"] == status), None) for told in (before, after)
        )
        if now is not None and was is None and now["reason"] != Reason.NO_PROVISIONER.value:
            found.append(Note(Reason.named(now["reason"]), now["message"], warning=True))
    return tuple(found)


def _unusable(pool: Pool, now: datetime) -> list[str]:
    """What its nodes are and no shape names; then one sentence for each shape whose price justifies no move."""
    found = []
    for shape in pool.shapes:
        if shape.price is None:
            found.append(f"{shape.instance_type}: no price is given: set pricePerHour, priceClass and asOf of it in spec.shapes[]")
            continue
        match shape.price.reading(now):
            case Stale(_, _, why) | Unknown(why):
                found.append(f"{shape.instance_type}: {why}")
    unnamed = lines_to_add(pool)
    return [unnamed, *found] if unnamed else found


def _price_message(pool: Pool, unusable: list[str]) -> str:
    """The first in full: what is to be done is the same for the others, or is said next."""
    if not unusable:
        return "every shape has a price"
    types = len(pool.shapes) + bool(pool.unnamed)
    few = f"{len(unusable)} of {types} instance types have no usable price; " if types > 1 else ""
    return f"{few}{unusable[0]}"[:1024]


def _condition(
    kind: str, holds: bool | None, reason: str, message: str, old: Mapping[str, Any], generation: int, now: datetime
) -> Manifest:
    status = {True: "True", False: "False", None: "Unknown"}[holds]
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
