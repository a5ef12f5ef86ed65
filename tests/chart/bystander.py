"""What serves, and must not notice that the chart is installed, upgraded, rolled back or removed: as objects, where no operator runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from cluster.audit import AuditEvent
from cluster.cluster import Cluster

API = "/apis/steelyard.dev/v1alpha1"
#: Kinds that serve. A person who handles the release may write none of them but the release's own.
SERVING = {"deployments", "services", "pods", "endpoints", "endpointslices", "replicasets", "poddisruptionbudgets"}
LABELS = {
    "app.kubernetes.io/managed-by": "steelyard",
    "steelyard.dev/workload": "embedder",
    "steelyard.dev/pool": "bystander-cpu",
    "steelyard.dev/revision": "0a1b2c3d",
    "steelyard.dev/role": "serving",
}

POOL = """
apiVersion: steelyard.dev/v1alpha1
kind: AcceleratorPool
metadata: {name: bystander-cpu}
spec:
  accelerator: {family: cpu, model: x86-64}
  backends: [{name: openvino}]
  nodes: {selector: {kubernetes.io/arch: amd64}}
  shapes: [{instanceType: any, devices: 0, cpu: "4", memory: 16Gi, pricePerHour: "0.2", priceClass: Static, asOf: "2026-01-01"}]
  resources: {cpu: "1", memory: 1Gi}
"""
WORKLOAD = """
apiVersion: steelyard.dev/v1alpha1
kind: InferenceWorkload
metadata: {name: embedder}
spec:
  model: {uri: hf://a/b, revision: c9745ed1d9f207416be6d2e6f8de32d1f16199bf, task: feature-extraction}
  objective: {latency: [{metric: e2e, milliseconds: 100}]}
  rebalancing: {mode: Observe, paused: true}
"""


class Bystander:
    """A pool, a workload, and its Deployment and Service, as the operator would have made them."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        cluster.apply(POOL)
        cluster.kubectl("apply", "--server-side", "-n", namespace, "-f", "-", stdin=WORKLOAD)
        owner = {
            "apiVersion": "steelyard.dev/v1alpha1",
            "kind": "InferenceWorkload",
            "name": "embedder",
            "uid": self._get(self.paths[1])["metadata"]["uid"],
        }
        meta = {"namespace": namespace, "labels": LABELS, "ownerReferences": [owner]}
        pod = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "server", "image": "none"}]}}
        deployment = {"replicas": 1, "selector": {"matchLabels": LABELS}, "template": pod}
        documents = [
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {**meta, "name": "embedder-cpu-0a1b2c3d"}, "spec": deployment},
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {**meta, "name": "embedder"},
                "spec": {"selector": LABELS, "ports": [{"port": 8080}]},
            },
        ]
        cluster.apply(yaml.safe_dump_all(documents))

    @property
    def paths(self) -> tuple[str, ...]:
        """Pool, workload, Deployment, Service."""
        return (
            f"{API}/acceleratorpools/bystander-cpu",
            f"{API}/namespaces/{self.namespace}/inferenceworkloads/embedder",
            f"/apis/apps/v1/namespaces/{self.namespace}/deployments/embedder-cpu-0a1b2c3d",
            f"/api/v1/namespaces/{self.namespace}/services/embedder",
        )

    def _get(self, path: str) -> dict[str, Any]:
        found = self.cluster.api.get(path)
        assert found is not None, f"{path} is gone"
        return found

    def state(self) -> list[tuple[Any, ...]]:
        """Everything of them that somebody could have changed; the status is the controllers'."""
        found = map(self._get, self.paths)
        return [(o["metadata"]["uid"], o["metadata"].get("generation"), o["metadata"].get("labels"), o["spec"]) for o in found]


def touching_what_serves(events: Iterable[AuditEvent], release_namespace: str) -> list[str]:
    """The writes among these that concern something that serves, as lines to read."""
    return [
        f"{event.user} {event.verb} {event.resource} {event.namespace}/{event.name}"
        for event in events
        if event.resource.split("/")[0] in SERVING and event.namespace != release_namespace
    ]
