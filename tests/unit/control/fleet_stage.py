"""A fleet in a store, and what gathers the facts of it."""

from collections.abc import Callable

from steelyard.app.config import Config
from steelyard.app.wiring import settings_of
from steelyard.control.gather.other_pods import NOBODY, Others
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import ACCELERATOR_POOLS, COMPILED_MODELS, DEPLOYMENTS, INFERENCE_WORKLOADS, NODES, PODS, Resource
from steelyard.control.kube.store import Store
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.vocabulary.reading import Unknown
from unit.api import objects
from unit.control.virtual_time import ManualClock
from unit.core.world import START

REVISION = "0a1b2c3d"
HASH = "7d4b9"


class Fleet:
    """Workloads of one name in namespaces of their own, each with a Deployment, an artifact, two pods, and a node that it shares with nobody."""

    def __init__(self, workloads: int) -> None:
        self.store = Store(ManualClock(), index_labels=("steelyard.dev/workload", "steelyard.dev/pool"))
        self._versions = 0
        self.pool = objects.pool()["metadata"]["name"]
        pool = objects.pool()
        pool["metadata"] |= {"uid": "u-pool", "generation": 1}
        self.put(ACCELERATOR_POOLS, pool)
        for number in range(workloads):
            self._add(f"ns{number:03d}")
        self.world = self.gathering()

    def gathering(self, others: Callable[[str], Others] = lambda _: NOBODY) -> SnapshotBuilder:
        """One that has kept nothing yet."""
        return SnapshotBuilder(
            self.store, settings_of(Config()), lambda *_: Unknown(""), synced=lambda: True, clock_suspect=lambda: False, others=others
        )

    def drop_deployment(self, namespace: str) -> None:
        made = self.store.get(DEPLOYMENTS.key(namespace, f"chat-{self.pool}-{REVISION}"))
        assert made is not None
        self.put(DEPLOYMENTS, made, "DELETED")

    def put(self, resource: Resource, made: Manifest, event: str = "ADDED") -> None:
        self._versions += 1
        self.store.observe(resource, event, {**made, "metadata": {**made["metadata"], "resourceVersion": str(self._versions)}})

    def deployment(self, namespace: str, replicas: int) -> Manifest:
        called = f"chat-{self.pool}-{REVISION}"
        owner = {"kind": "InferenceWorkload", "name": "chat", "uid": f"u-{namespace}", "controller": True}
        meta = {"name": called, "namespace": namespace, "uid": f"u-d-{namespace}", "labels": self._labels(), "ownerReferences": [owner]}
        server = {"name": "server", "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}
        return {"metadata": meta, "spec": {"replicas": replicas, "template": {"spec": {"containers": [server]}}}}

    def _labels(self) -> dict[str, str]:
        mine = {"workload": "chat", "pool": self.pool, "revision": REVISION, "role": "serving"}
        return {f"steelyard.dev/{key}": value for key, value in mine.items()}

    def _add(self, namespace: str) -> None:
        workload = objects.workload()
        workload["metadata"] = {"name": "chat", "namespace": namespace, "uid": f"u-{namespace}", "generation": 1}
        self.put(INFERENCE_WORKLOADS, workload)
        made = self.deployment(namespace, 2)
        self.put(DEPLOYMENTS, made)
        meta = {"name": "neuron-0", "namespace": namespace, "uid": f"u-c-{namespace}"}
        self.put(COMPILED_MODELS, {"metadata": meta, "spec": {"key": "k", "backend": "neuron"}, "status": {}})
        labels = {**objects.pool()["spec"]["nodes"]["selector"], "node.kubernetes.io/instance-type": "inf2.xlarge"}
        meta = {"name": f"n-{namespace}", "uid": f"u-n-{namespace}", "creationTimestamp": "2026-01-01T00:00:00Z", "labels": labels}
        self.put(NODES, {"metadata": meta, "status": {"conditions": [{"type": "Ready", "status": "True"}]}})
        for replica in range(2):
            rs = {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "name": f"{made['metadata']['name']}-{HASH}",
                "uid": "u-rs",
                "controller": True,
            }
            self.put(PODS, self.pod(namespace, replica, rs))

    def pod(self, namespace: str, replica: int, owner: Manifest) -> Manifest:
        return {
            "metadata": {
                "name": f"chat-{replica}",
                "namespace": namespace,
                "uid": f"u-p-{namespace}-{replica}",
                "creationTimestamp": "2026-01-01T00:00:00Z",
                "labels": {**self._labels(), "pod-template-hash": HASH},
                "ownerReferences": [owner],
            },
            "spec": {"nodeName": f"n-{namespace}", "containers": [{"name": "server"}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        }

    def look(self) -> Snapshot:
        found = self.world.freeze(WorkloadKey("ns000", "chat"), START)
        assert isinstance(found, Snapshot)
        return found
