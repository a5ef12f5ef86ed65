"""A fleet that serves, written to a real API server as if the operator had made it: what it would render, and pods that run.

Deployments have no controller here: their pods are written beside them, with the labels and owners that they would have.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Awaitable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeAlias

import aiohttp

from cluster.cluster import Cluster
from steelyard.api.kind import API_VERSION
from steelyard.app.config import Config
from steelyard.app.wiring import settings_of
from steelyard.control.clock import AnchoredClock
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.kube.apply import with_stamp
from steelyard.control.kube.resource import (
    ACCELERATOR_POOLS,
    COMPILED_MODELS,
    DEPLOYMENTS,
    DISRUPTION_BUDGETS,
    INFERENCE_WORKLOADS,
    NODES,
    SERVICES,
    Resource,
)
from steelyard.control.kube.store import Store
from steelyard.core.decide import decide
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.placing.decision import Decision
from steelyard.core.vocabulary.reading import Unknown
from steelyard.render.compiled_model import compiled_model
from steelyard.render.objects import desired

Manifest: TypeAlias = dict[str, Any]
POOLS = 20
A_NAMESPACE = 25
"""Workloads of one namespace."""
REPLICAS = 2
ON_A_NODE = 20
"""Pods."""
AT_ONCE = 48
"""Requests to the API server."""
TRIES = 10
"""Of a request that takes it longer than it waits for itself."""
HASH = "5b8d7c9f6d"
MERGE = "application/merge-patch+json"
CONTROLLERS = ("--controllers=serviceaccount-controller,namespace-controller",)
"""All that the fleet needs: its pods are written, not made."""
KINDS = {each.kind: each for each in (DEPLOYMENTS, SERVICES, DISRUPTION_BUDGETS)}


def configuration() -> Manifest:
    """Of the operator: the defaults, and one toolchain."""
    toolchain = {"serveImage": "registry.example/serve:1", "compileImage": "registry.example/compile:1", "target": "cpu/x86-64"}
    return {"toolchains": {"openvino": {**toolchain, "versions": {"openvino": "2026.4.1"}}}, "store": {"uri": "s3://artifacts"}}


@dataclass(frozen=True, slots=True)
class Size:
    """Of a fleet. rebalancing: as each workload's spec has it; None for the defaults."""

    workloads: int
    rebalancing: Manifest | None = None

    @property
    def pods(self) -> int:
        """All of them."""
        return self.workloads * REPLICAS

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Each with `A_NAMESPACE` workloads."""
        return tuple(f"fleet-{number:03d}" for number in range(-(-self.workloads // A_NAMESPACE)))


class SlowError(ValueError):
    """The API server has waited long enough for itself, and has done a part."""


class Writer:
    """Many requests at once to the API server. Use as an asynchronous context manager."""

    def __init__(self, cluster: Cluster) -> None:
        authority, client = cluster.control_plane.authority.authority, cluster.control_plane.admin()
        self._url = cluster.api.url
        self._ssl = ssl.create_default_context(cafile=str(authority.certificate))
        self._ssl.load_cert_chain(client.certificate, client.key)

    async def __aenter__(self) -> Writer:
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self._ssl, limit=AT_ONCE))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def call(self, method: str, path: str, body: Manifest | None = None, content: str = "application/json") -> Manifest:
        """The answer. Raises ValueError for anything but success."""
        data = None if body is None else json.dumps(body)
        async with self._session.request(method, self._url + path, data=data, headers={"Content-Type": content}) as answer:
            said: Manifest = await answer.json(content_type=None)
            if answer.status == 504:
                raise SlowError(f"{method} {path}: {said.get('message')}")
            if answer.status >= 300:
                raise ValueError(f"{method} {path} answered {answer.status}: {said.get('message')}")
            return said

    async def delete_all(self, path: str) -> None:
        """A collection: asked for again where the server was slow."""
        for _ in range(TRIES - 1):
            with suppress(SlowError):
                await self.call("DELETE", path)
                return
        await self.call("DELETE", path)

    async def create(self, resource: Resource, manifest: Manifest) -> Manifest:
        """As the operator creates: by its name as field manager."""
        path = collection(resource, manifest["metadata"].get("namespace"))
        return await self.call("POST", f"{path}?fieldManager=steelyard", manifest)

    async def apply(self, resource: Resource, manifest: Manifest) -> Manifest:
        """As the operator applies."""
        path = f"{collection(resource, manifest['metadata'].get('namespace'))}/{manifest['metadata']['name']}"
        return await self.call("PATCH", f"{path}?fieldManager=steelyard&force=true", manifest, "application/apply-patch+yaml")


def collection(resource: Resource, namespace: str | None) -> str:
    """The path of all objects of a resource in a namespace."""
    group = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
    return f"{group}/namespaces/{namespace}/{resource.plural}" if namespace else f"{group}/{resource.plural}"


async def all_of(work: Iterable[Awaitable[Any]]) -> list[Any]:
    """What all of them return, some at a time."""
    found, waiting = [], iter(work)
    while some := list(islice(waiting, 20 * AT_ONCE)):
        found += await asyncio.gather(*some)
    return found


def pool(number: int) -> Manifest:
    """One of the pools: all cost the same, so that nobody has a reason to leave one."""
    name = f"pool-{number:02d}"
    return {
        "apiVersion": API_VERSION,
        "kind": "AcceleratorPool",
        "metadata": {"name": name},
        "spec": {
            "accelerator": {"family": "cpu", "model": "generic-x86-64"},
            "backends": [{"name": "openvino"}],
            "nodes": {"selector": {"steelyard.dev/pool": name}},
            "shapes": [
                {"instanceType": name, "devices": 0, "cpu": "32", "memory": "128Gi", "pricePerHour": "0.80", "priceClass": "Static", "asOf": "2026-01-01"}
            ],
            "resources": {"cpu": "1", "memory": "1Gi"},
        },
    }  # fmt: skip


def nodes(size: Size) -> Iterator[tuple[str, str]]:
    """(node, pool): as many on each pool as its pods need."""
    for number in range(POOLS):
        for node in range(-(-size.pods // POOLS // ON_A_NODE)):
            yield f"node-{number:02d}-{node:03d}", f"pool-{number:02d}"


def workload(number: int, rebalancing: Manifest | None = None) -> Manifest:
    """One of the workloads, which may use every pool."""
    more = {} if rebalancing is None else {"rebalancing": rebalancing}
    return {
        "apiVersion": API_VERSION,
        "kind": "InferenceWorkload",
        "metadata": {"name": f"model-{number % A_NAMESPACE:02d}", "namespace": f"fleet-{number // A_NAMESPACE:03d}"},
        "spec": {
            "model": {"uri": "s3://models/tiny", "digest": f"sha256:{'a' * 64}", "task": "feature-extraction"},
            "compile": {"batchSizes": [1, 4], "sequenceLengths": [32]},
            "objective": {"latency": [{"metric": "e2e", "milliseconds": 600, "percent": "98"}]},
            "scaling": {"minReplicas": REPLICAS, "maxReplicas": 6},
            **more,
        },
    }


async def write(writer: Writer, cluster: Cluster, size: Size, addresses: list[str]) -> None:
    """The whole fleet, each workload at rest on one of the pools."""
    settle = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in size.namespaces]
    await all_of(writer.call("POST", "/api/v1/namespaces", each) for each in settle)
    pools = await all_of(writer.create(ACCELERATOR_POOLS, pool(number)) for number in range(POOLS))
    await all_of(_node(writer, name, at) for name, at in nodes(size))
    workloads = await all_of(writer.create(INFERENCE_WORKLOADS, workload(number, size.rebalancing)) for number in range(size.workloads))
    for namespace in size.namespaces:
        while not cluster.api.get(f"/api/v1/namespaces/{namespace}/serviceaccounts/default"):
            await asyncio.sleep(0.1)
    compiled = {
        name: await _compiled(writer, pools[0], [w for w in workloads if w["metadata"]["namespace"] == name]) for name in size.namespaces
    }
    await all_of(
        _serving(writer, each, pools[number % POOLS], compiled[each["metadata"]["namespace"]], number, addresses)
        for number, each in enumerate(workloads)
    )


async def _node(writer: Writer, name: str, at: str) -> None:
    await writer.call("POST", "/api/v1/nodes", _named(name, at))
    capacity = {"cpu": "32", "memory": "128Gi", "pods": "110"}
    status = {"capacity": capacity, "allocatable": capacity, "conditions": [_condition("Ready")]}
    await writer.call("PATCH", f"/api/v1/nodes/{name}/status", {"status": status}, MERGE)
    await writer.call("PATCH", f"/api/v1/nodes/{name}", {"spec": {"taints": None}}, MERGE)


def _named(node: str, at: str) -> Manifest:
    labels = {
        "steelyard.dev/pool": at,
        "node.kubernetes.io/instance-type": at,
        "kubernetes.io/hostname": node,
        "kubernetes.io/arch": "amd64",
    }
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node, "labels": labels}}


async def _compiled(writer: Writer, pool: Manifest, users: list[Manifest]) -> Manifest:
    """What the workloads of a namespace share."""
    _, decision = _decided(pool, users[0], ())
    wanted = decision.intent.compile[0]
    made = [compiled_model(WorkloadKey(u["metadata"]["namespace"], u["metadata"]["name"]), u["metadata"]["uid"], wanted) for u in users]
    owners = [owner for each in made for owner in each["metadata"]["ownerReferences"]]
    whole = await writer.create(COMPILED_MODELS, {**made[0], "metadata": {**made[0]["metadata"], "ownerReferences": owners}})
    key = whole["spec"]["key"]
    ready = {**_condition("Ready"), "reason": "Compiled", "message": "the artifact is in the store", "observedGeneration": 1}
    status = {
        "observedGeneration": 1,
        "attempts": 1,
        "memoryFactor": 1,
        "artifact": {"uri": f"s3://artifacts/{key}/manifest.json", "digest": f"sha256:{key}", "sizeBytes": 1024},
        "seconds": 1,
        "progress": {"phase": "Done", "percent": 100},
        "conditions": [ready],
    }
    path = f"{collection(COMPILED_MODELS, whole['metadata']['namespace'])}/{whole['metadata']['name']}/status"
    return await writer.call("PATCH", path, {"status": status}, MERGE)


async def _serving(writer: Writer, raw: Manifest, pool: Manifest, compiled: Manifest, number: int, addresses: list[str]) -> None:
    for manifest in _rendered(pool, raw, compiled):
        if manifest["kind"] != DEPLOYMENTS.kind:
            await writer.apply(KINDS[manifest["kind"]], with_stamp(manifest))
            continue
        made, at = await writer.create(DEPLOYMENTS, with_stamp(manifest)), pool["metadata"]["name"]
        for replica in range(REPLICAS):
            pod = number * REPLICAS + replica
            await _pod(writer, made, f"node-{at[-2:]}-{number // POOLS * REPLICAS // ON_A_NODE:03d}", replica, addresses[pod])


_RENDERED: dict[tuple[str, str], tuple[Manifest, str]] = {}
"""By namespace and pool: the first workload, and its objects. Those of the others differ in its name and its uid."""


def _rendered(pool: Manifest, raw: Manifest, compiled: Manifest) -> list[Manifest]:
    where = (raw["metadata"]["namespace"], pool["metadata"]["name"])
    if where not in _RENDERED:
        snapshot, decision = _decided(pool, raw, (compiled,))
        _RENDERED[where] = raw, json.dumps(desired(decision.intent, snapshot.settings).present)
    first, text = _RENDERED[where]
    for field in ("name", "uid"):
        text = text.replace(first["metadata"][field], raw["metadata"][field])
    found: list[Manifest] = json.loads(text)
    return found


async def _pod(writer: Writer, deployment: Manifest, node: str, replica: int, address: str) -> None:
    meta, template = deployment["metadata"], deployment["spec"]["template"]
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{meta['name']}-{HASH}", "uid": meta["uid"], "controller": True}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{meta['name']}-{HASH}-{replica}",
            "namespace": meta["namespace"],
            "labels": {**template["metadata"]["labels"], "pod-template-hash": HASH},
            "ownerReferences": [owner],
        },
        "spec": {**template["spec"], "nodeName": node},
    }
    path = f"/api/v1/namespaces/{meta['namespace']}/pods"
    await writer.call("POST", path, pod)
    running = {"name": "server", "ready": True, "started": True, "restartCount": 0, "image": "stub", "imageID": "stub"}
    status = {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": [_condition(each) for each in ("PodScheduled", "Initialized", "ContainersReady", "Ready")],
        "containerStatuses": [{**running, "state": {"running": {"startedAt": _now()}}}],
    }
    await writer.call("PATCH", f"{path}/{pod['metadata']['name']}/status", {"status": status}, MERGE)


def _decided(pool: Manifest, raw: Manifest, compiled: tuple[Manifest, ...]) -> tuple[Snapshot, Decision]:
    """What the operator decides where there is this pool alone."""
    clock = AnchoredClock()
    store = Store(clock, index_labels=("steelyard.dev/workload", "steelyard.dev/pool"))
    name = pool["metadata"]["name"]
    node = _named(f"node-{name}", name)
    node["metadata"] |= {"uid": "node", "resourceVersion": "1"}
    for resource, each in ((ACCELERATOR_POOLS, pool), (NODES, node), (INFERENCE_WORKLOADS, raw), *((COMPILED_MODELS, c) for c in compiled)):
        store.observe(resource, "ADDED", each)
    settings = settings_of(Config.model_validate(configuration()))
    nothing = Unknown("nothing was read yet", pending=True)
    snapshots = SnapshotBuilder(store, settings, lambda *_: nothing, synced=lambda: True, clock_suspect=lambda: False)
    snapshot = snapshots.freeze(WorkloadKey(raw["metadata"]["namespace"], raw["metadata"]["name"]), clock.now())
    assert isinstance(snapshot, Snapshot), snapshot
    return snapshot, decide(snapshot, clock.now())


def _condition(kind: str) -> Manifest:
    return {"type": kind, "status": "True", "lastTransitionTime": _now(), "reason": "Played", "message": ""}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
