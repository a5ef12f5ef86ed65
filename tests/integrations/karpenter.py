"""Karpenter in a cluster of the tests, as a process: real decisions about nodes that are no machines.

Its cloud is its own KWOK provider, with instance types of this file, in a market that may be sold out. Nodes become ready, and stay so, as a
kubelet would have them (`Kubelets`); what they cost is written down for as long as they are there.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cluster import binaries
from cluster.cluster import Cluster
from cluster.fulfil import fulfil
from cluster.waiting import wait_until
from patience import PATIENCE

Manifest = dict[str, Any]
METRICS, HEALTH = 18180, 18181
NODE_POOL = "karpenter.sh/nodepool"
PRICE = "eks-node-viewer/instance-price"
"""The provider's label of a node: what it costs an hour."""
INSTANCE_TYPE = "node.kubernetes.io/instance-type"
NODE_CLASS: Manifest = {"group": "karpenter.kwok.sh", "kind": "KWOKNodeClass", "name": "default"}
CPU, MEMORY = "2", "8Gi"
LOOK_SECONDS, BEAT_SECONDS = 0.25, 5.0


def instance_type(name: str, price: float) -> Manifest:
    """One of two processors, on demand in one zone."""
    requirements = [
        {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["on-demand"]},
        {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["zone-a"]},
    ]
    return {
        "name": name,
        "architecture": "amd64",
        "operatingSystems": ["linux"],
        "resources": {"cpu": CPU, "memory": MEMORY, "pods": "110", "ephemeral-storage": "10Ti"},
        "offerings": [{"Price": price, "Available": True, "Requirements": requirements}],
    }


@dataclass(slots=True)
class Life:
    """Of one node. `price`: an hour."""

    name: str
    node_pool: str
    instance_type: str
    price: float
    created: float
    ended: float | None = None


class Kubelets:
    """Of all of Karpenter's nodes. Use as a context manager."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="kubelets")
        self.lives: dict[str, Life] = {}
        self.problems: list[str] = []

    def __enter__(self) -> Kubelets:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(PATIENCE)

    def standing(self, node_pool: str) -> list[Life]:
        """Nodes of a NodePool that are there."""
        return [life for life in list(self.lives.values()) if life.node_pool == node_pool and life.ended is None]

    def _run(self) -> None:
        beat = 0.0
        while not self._stop.wait(LOOK_SECONDS):
            beats = time.monotonic() >= beat + BEAT_SECONDS
            beat = time.monotonic() if beats else beat
            try:
                self._look(beats=beats)
            except Exception as error:
                self.problems.append(repr(error))

    def _look(self, *, beats: bool) -> None:
        nodes = (self._cluster.api.get(f"/api/v1/nodes?labelSelector={NODE_POOL}") or {}).get("items", ())
        there = {node["metadata"]["uid"]: node for node in nodes}
        for uid, life in self.lives.items():
            if uid not in there and life.ended is None:
                life.ended = time.time()
        for uid, node in there.items():
            if uid not in self.lives:
                self.lives[uid] = _life(node)
            if not _is_ready(node):
                self._become_ready(node["metadata"]["name"])
            if beats or not _is_ready(node):
                self._beat(node["metadata"]["name"])

    def _become_ready(self, name: str) -> None:
        ready = {"type": "Ready", "status": "True", "reason": "Played", "message": "", "lastTransitionTime": _now()}
        self._cluster.api.request(
            "PATCH", f"/api/v1/nodes/{name}/status", {"status": {"conditions": [ready]}}, "application/strategic-merge-patch+json"
        )

    def _beat(self, name: str) -> None:
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": name, "namespace": "kube-node-lease"},
            "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")},
        }
        path = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{name}?fieldManager=kubelets&force=true"
        self._cluster.api.request("PATCH", path, lease, "application/apply-patch+yaml")


@dataclass(frozen=True)
class Karpenter:
    """One that runs."""

    cluster: Cluster
    kubelets: Kubelets
    sold_out: Path

    def sell_out(self, *instance_types: str) -> None:
        """From now on no instance of these types is to be had, and one of every other."""
        made = self.sold_out.with_suffix(".new")
        made.write_text(json.dumps(instance_types))
        made.replace(self.sold_out)


def definitions(cluster: Cluster) -> None:
    """Its kinds."""
    fulfil(binaries.pieces(["karpenter"]))
    for path in sorted(binaries.paths(["karpenter"])["karpenter"].parent.glob("*.yaml")):
        cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(path))
    cluster.until_established("crd", "--all")


def start(cluster: Cluster, kubelets: Kubelets, instance_types: Sequence[Manifest], *, gates: str = "") -> Karpenter:
    """Start it, with everything to be had. The definitions are there. gates: of its features, beside those that are on by themselves."""
    folder = cluster.identity.folder / "karpenter"
    folder.mkdir(exist_ok=True)
    types, sold_out = folder / "instance_types.json", folder / "sold_out.json"
    types.write_text(json.dumps(list(instance_types)))
    sold_out.write_text("[]")
    node_class = {"apiVersion": f"{NODE_CLASS['group']}/v1alpha1", "kind": NODE_CLASS["kind"], "metadata": {"name": NODE_CLASS["name"]}}
    status, body = cluster.api.request("POST", "/apis/karpenter.kwok.sh/v1alpha1/kwoknodeclasses", node_class)
    assert status == 201, body
    cluster.supervisor.start(
        "karpenter",
        binaries.paths(["karpenter"])["karpenter"],
        env={
            "KUBECONFIG": str(cluster.control_plane.identity_of("karpenter", "karpenter", "system:masters")),
            "SYSTEM_NAMESPACE": "kube-system",
            "KUBERNETES_MIN_VERSION": "1.19.0-0",
            "DISABLE_LEADER_ELECTION": "true",
            "METRICS_PORT": str(METRICS),
            "HEALTH_PROBE_PORT": str(HEALTH),
            "INSTANCE_TYPES_FILE_PATH": str(types),
            "SOLD_OUT_FILE": str(sold_out),
            "FEATURE_GATES": gates,
        },
    )
    return Karpenter(cluster, kubelets, sold_out)


def apply_node_pool(cluster: Cluster, node_pool: Manifest) -> None:
    """Apply it, and wait until Karpenter says that it is ready."""
    path = f"/apis/karpenter.sh/v1/nodepools/{node_pool['metadata']['name']}"
    status, body = cluster.api.request("PATCH", f"{path}?fieldManager=person&force=true", node_pool, "application/apply-patch+yaml")
    assert status < 300, body.decode()

    def ready() -> bool:
        conditions = ((cluster.api.get(path) or {}).get("status") or {}).get("conditions") or ()
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    name, supervisor = node_pool["metadata"]["name"], cluster.supervisor
    wait_until(f"NodePool {name} to be ready", ready, seconds=PATIENCE, logs=[supervisor.log("karpenter")], check=supervisor.check)


def _life(node: Manifest) -> Life:
    meta = node["metadata"]
    created = datetime.fromisoformat(meta["creationTimestamp"].replace("Z", "+00:00")).timestamp()
    labels = meta["labels"]
    return Life(meta["name"], labels[NODE_POOL], labels[INSTANCE_TYPE], float(labels[PRICE]), created)


def _is_ready(node: Manifest) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in (node.get("status") or {}).get("conditions") or ())


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
