"""A server that exists already, before an API server of memory: the object, its pods, their nodes, and what is gathered of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from steelyard.app.catalogue import shipped
from steelyard.app.config import Config
from steelyard.app.wiring import settings_of
from steelyard.control.gather.existing_objects import ExistingObjects
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.kube.api_client import Listing
from steelyard.control.kube.errors import NotFound
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import ACCELERATOR_POOLS, DEVICE_CLASSES, INFERENCE_WORKLOADS, NODES, RESOURCE_CLAIMS, Resource
from steelyard.control.kube.store import Store
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.snapshot import Snapshot, Traffic
from steelyard.core.vocabulary.reading import Reading, Unknown
from unit.api import objects
from unit.control.virtual_time import ManualClock

KEY = WorkloadKey("team", "chat")
NOW = datetime(2026, 8, 1, 8, tzinfo=UTC)
"""The catalogue has its prices by then."""
TEMPLATE = "6b9df"


class Stage:
    """One namespace, `team`, and its nodes."""

    def __init__(self) -> None:
        self.store = Store(ManualClock(), index_labels=("steelyard.dev/workload", "steelyard.dev/pool"))
        self.objects: dict[tuple[str, str], Manifest] = {}
        self.pods: list[Manifest] = []
        self.asked: list[tuple[str, str]] = []
        self.claims: list[Manifest] = []
        self.classes: list[Manifest] = []
        self.fails: Exception | None = None
        self.existing = ExistingObjects(self)
        self.traffic: Callable[[WorkloadKey, PlacementKey], Reading[Traffic]] = lambda *_: Unknown("nothing was read yet", pending=True)
        self._versions = 0
        self.world = SnapshotBuilder(
            self.store,
            settings_of(Config()),
            lambda workload, placement, _: self.traffic(workload, placement),
            synced=lambda: True,
            clock_suspect=lambda: False,
            catalogue=shipped(),
            read_existing=self.existing.of,
        )

    # --- what the API server has ----------------------------------------------------------------------------------------------------

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Manifest:
        self.asked.append((resource.plural, name))
        if self.fails is not None:
            raise self.fails
        if (resource.kind, name) not in self.objects:
            raise NotFound("not found", status=404)
        return self.objects[resource.kind, name]

    async def list(
        self, resource: Resource, namespace: str | None = None, *, label_selector: str = "", keep: Any, page_size: int
    ) -> Listing:
        self.asked.append((resource.plural, label_selector))
        if resource in {RESOURCE_CLAIMS, DEVICE_CLASSES}:
            return Listing(tuple(map(keep, self.claims if resource == RESOURCE_CLAIMS else self.classes)), "1")
        wanted = dict(part.split("=") for part in label_selector.split(",") if "=" in part)
        found = (pod for pod in self.pods if wanted.items() <= pod["metadata"]["labels"].items())
        return Listing(tuple(map(keep, found)), "1")

    def workload(self, called: str = "chat", created: str = "2026-01-05T08:00:00Z", **existing: Any) -> None:
        made = objects.changed(
            objects.workload(),
            {
                "spec.model": objects.GONE,
                "spec.server": objects.changed(objects.EXISTING, {f"existing.{k}": v for k, v in existing.items()}),
            },
        )
        made["metadata"] = {"name": called, "namespace": "team", "uid": f"u-{called}", "generation": 1, "creationTimestamp": created}
        self._put(INFERENCE_WORKLOADS, made)

    def pool(self, **changes: Any) -> None:
        made = objects.changed(objects.pool(), changes)
        made["metadata"] |= {"uid": f"u-{made['metadata']['name']}", "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"}
        self._put(ACCELERATOR_POOLS, made)

    def node(
        self, called: str, kind: str | None, cpu: str = "4", memory: str = "16Gi", labels: dict[str, str] | None = None, **devices: str
    ) -> None:
        kinds = {} if kind is None else {"node.kubernetes.io/instance-type": kind}
        offered = {
            "cpu": cpu,
            "memory": memory,
            "pods": "110",
            **{name.replace("__", "/").replace("_", "."): n for name, n in devices.items()},
        }
        meta = {"name": called, "uid": f"u-{called}", "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {**kinds, **(labels or {})}}
        status = {"conditions": [{"type": "Ready", "status": "True"}], "allocatable": offered, "capacity": offered}
        self._put(NODES, {"metadata": meta, "status": status})

    def deployment(self, replicas: int = 2, called: str = "chat", **meta: Any) -> None:
        self.objects["Deployment", called] = {
            "metadata": {"name": called, "namespace": "team", "uid": f"u-d-{called}", **meta},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": called}}},
        }

    def pod(
        self,
        called: str,
        node: str | None,
        *,
        ready: bool = True,
        labels: dict[str, str] | None = None,
        owner: dict[str, str] | None = None,
        **requests: str,
    ) -> Manifest:
        self._versions += 1
        owned = owner or {"kind": "ReplicaSet", "name": f"chat-{TEMPLATE}", "uid": "u-rs"}
        asked = {name.replace("__", "/").replace("_", "."): n for name, n in requests.items()} or {"cpu": "2", "memory": "8Gi"}
        running = {"state": {"running": {"startedAt": "2026-01-05T07:00:00Z"}}}
        bound = [{"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-05T07:00:00Z"}] if node else []
        made: Manifest = {
            "metadata": {
                "name": called,
                "namespace": "team",
                "uid": f"u-{called}",
                "resourceVersion": str(self._versions),
                "creationTimestamp": "2026-01-05T07:00:00Z",
                "labels": {"app": "chat", "pod-template-hash": TEMPLATE, **(labels or {})},
                "ownerReferences": [{**owned, "controller": True}],
                "managedFields": [{"manager": "kubelet"}],
            },
            "spec": {"nodeName": node, "containers": [{"name": "server", "image": "x", "resources": {"requests": asked}}]},
            "status": {
                "phase": "Running" if node else "Pending",
                "podIP": "10.0.0.9",
                "conditions": [*bound, {"type": "Ready", "status": str(ready), "lastTransitionTime": "2026-01-05T07:01:00Z"}],
                "containerStatuses": [running] if node else [],
            },
        }
        self.pods.append(made)
        return made

    def _put(self, resource: Resource, made: Manifest) -> None:
        self._versions += 1
        self.store.observe(resource, "ADDED", {**made, "metadata": {**made["metadata"], "resourceVersion": str(self._versions)}})

    # --- what is gathered -----------------------------------------------------------------------------------------------------------

    async def look(self) -> list[WorkloadKey]:
        """A round: what the operator does before it reads pages."""
        workloads = self.world.existing()
        changed = await self.existing.look({w.key: w.existing for w in workloads if w.existing is not None})
        self.world.existing()
        return list(changed)

    def freeze(self, called: str = "chat") -> Snapshot:
        found = self.world.freeze(WorkloadKey("team", called), NOW)
        assert isinstance(found, Snapshot), found
        return found
