"""A placement that serves: made by the operator itself, of the runtime's own image, with an artifact that was compiled before."""

from __future__ import annotations

import shutil
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from chart.bystander import API
from cluster.cluster import Cluster
from cluster.image_store import NAMESPACE as IMAGES
from cluster.image_store import ImageRef
from cluster.node import SOCKET
from cluster.waiting import wait_until
from patience import PATIENCE
from steelyard.api.inference_workload import InferenceWorkload
from steelyard.api.parse import parse
from steelyard.control.gather.workload_facts import workload_of
from steelyard.core.compiling.candidate import compile_inputs
from steelyard.core.facts.snapshot import Toolchain
from unit.runtime import tiny

Manifest = dict[str, Any]
WORKLOAD = "embedder"
SECRET, READ_SECRET, BUCKET = "chart-store", "chart-store-read", "artifacts"
NODES = "pool-a"


def values_of(operator: ImageRef, serve: ImageRef, **configuration: Any) -> Manifest:
    """Values with these images. The compile Job finds its artifact published, and needs no compiler for that."""
    runtime = {"repository": serve.name, "tag": serve.tag}
    return {
        "image": {"repository": operator.name, "tag": operator.tag, "pullPolicy": "IfNotPresent"},
        "runtime": {"serve": runtime, "compile": runtime},
        "crds": {"install": False},
        "nodeSelector": {"steelyard.dev/role": "general"},
        "config": {
            "observe": {"intervalSeconds": 1, "timeoutSeconds": 1},
            "compile": {"nodeSelector": {"steelyard.dev/role": "general"}, "cpu": "250m", "memory": "512Mi"},
            **configuration,
        },
    }


def called_otherwise(cluster: Cluster, image: ImageRef) -> ImageRef:
    """The same image under another tag, as a new release would have it, on all nodes."""
    other = ImageRef(image.name, f"{image.tag}-next", image.archive)
    for node in cluster.nodes:
        ctr = (str(node.programs["ctr"]), "--address", SOCKET, "--namespace", IMAGES)
        node.supervisor.run(*ctr, "images", "tag", "--force", image.reference, other.reference)
    return other


def give(cluster: Cluster, image: ImageRef) -> None:
    """An image to the nodes that lack it: those that started after it was built have it."""
    for node in cluster.nodes:
        told = (cluster.api.get(f"/api/v1/nodes/{node.name}") or {}).get("status", {}).get("images", ())
        if not any(image.reference in each.get("names", ()) for each in told):
            node.load(image)


class Placement:
    """A pool, a workload for it, and what the operator made of them."""

    def __init__(self, cluster: Cluster, namespace: str, folder: Path) -> None:
        self.cluster, self.namespace = cluster, namespace
        self.pool = f"chart-{namespace.rsplit('-', 1)[-1]}"
        room = (cluster.api.get(f"/api/v1/nodes/{NODES}") or {})["status"]["allocatable"]
        shape = {
            **{"instanceType": "c7i.large", "devices": 0, "cpu": room["cpu"], "memory": room["memory"]},
            **{"pricePerHour": "0.20", "priceClass": "Static", "asOf": "2026-01-01"},
        }
        pool = {
            "apiVersion": "steelyard.dev/v1alpha1",
            "kind": "AcceleratorPool",
            "metadata": {"name": self.pool, "labels": {"chart": self.pool}},
            "spec": {
                "accelerator": {"family": "cpu", "model": "generic-x86-64"},
                "backends": [{"name": "openvino"}],
                "nodes": {"selector": {"steelyard.dev/pool": NODES}},
                "shapes": [shape],
                "resources": {"cpu": "250m", "memory": "512Mi"},
            },
        }
        workload = {
            "apiVersion": "steelyard.dev/v1alpha1",
            "kind": "InferenceWorkload",
            "metadata": {"name": WORKLOAD, "namespace": namespace},
            "spec": {
                "model": {"uri": "s3://models/tiny", "digest": f"sha256:{'1' * 64}", "task": "feature-extraction", "secretName": SECRET},
                "compile": {"batchSizes": [1, 8], "sequenceLengths": list(tiny.LENGTHS)},
                "objective": {"latency": [{"metric": "e2e", "milliseconds": 5000, "percent": "95"}]},
                "scaling": {"minReplicas": 1, "maxReplicas": 1},
                "placement": {"poolSelector": {"matchLabels": {"chart": self.pool}}},
                "rebalancing": {"windowSeconds": 5},
            },
        }
        store = cluster.s3
        secrets = store.credentials_in(namespace, writes=SECRET, reads=READ_SECRET)
        self.configuration = {
            "watchNamespaces": [namespace],
            "store": {
                "uri": f"s3://{store.bucket(BUCKET)}",
                "endpoint": store.endpoint,
                "secretName": SECRET,
                "readSecretName": READ_SECRET,
            },
        }
        self._publish(workload, folder)
        cluster.apply(yaml.safe_dump_all([*secrets, pool, workload]))

    def _publish(self, workload: Manifest, folder: Path) -> None:
        """The artifact, where the compile Job of this workload looks for one before it compiles."""
        chart = yaml.safe_load((Path(__file__).parents[2] / "charts/steelyard/values.yaml").read_text())
        configured = chart["config"]["toolchains"]["openvino"]
        toolchain = Toolchain(
            backend="openvino", serve_image="", compile_image="", versions=configured["versions"], target=configured["target"]
        )
        parsed = parse(InferenceWorkload, workload)
        assert isinstance(parsed, InferenceWorkload), parsed
        made = tiny.publish_tiny(folder, key=compile_inputs(workload_of(parsed, workload), toolchain, "cpu").key)
        namespace = self.cluster.api.get(f"/api/v1/namespaces/{self.namespace}")
        assert namespace and made.uri
        self.cluster.s3.put_folder(BUCKET, namespace["metadata"]["uid"], folder / "store")
        shutil.rmtree(folder)

    def _listed(self, group: str, plural: str, selector: str = "") -> list[Manifest]:
        found = self.cluster.api.get(f"/{group}/namespaces/{self.namespace}/{plural}?labelSelector={selector}") or {}
        return sorted(found["items"], key=lambda each: each["metadata"]["name"])

    def pods(self) -> list[tuple[str, int]]:
        """Serving pods by uid, with how often they were restarted."""
        pods = self._listed("api/v1", "pods", "steelyard.dev/role=serving")
        return [(p["metadata"]["uid"], sum(c["restartCount"] for c in p["status"].get("containerStatuses", ()))) for p in pods]

    def state(self) -> list[Any]:
        """All that somebody could have changed of what serves: Deployments with their generation, ReplicaSets, Services, pods."""
        kinds = (("apis/apps/v1", "deployments"), ("apis/apps/v1", "replicasets"), ("api/v1", "services"))
        found = [each for group, plural in kinds for each in self._listed(group, plural)]
        seen = [(o["metadata"]["uid"], o["metadata"].get("generation"), o["metadata"]["labels"], o["spec"]) for o in found]
        return [*seen, self.pods()]

    def until_it_serves(self) -> None:
        """Wait for it, and for an answer through the front Service."""
        path = f"{API}/namespaces/{self.namespace}/inferenceworkloads/{WORKLOAD}"

        def ready() -> bool:
            told = ((self.cluster.api.get(path) or {}).get("status") or {}).get("conditions", ())
            return any(c["type"] == "Ready" and c["status"] == "True" for c in told)

        wait_until("the placement to serve", ready, seconds=PATIENCE)
        service = self.cluster.api.get(f"/api/v1/namespaces/{self.namespace}/services/{WORKLOAD}")
        assert service
        url = f"http://{service['spec']['clusterIP']}"

        def answers() -> bool:
            with urllib.request.urlopen(f"{url}/v2/health/ready", timeout=60) as answer:
                return bool(answer.status == 200)

        wait_until("an answer through the Service", answers, seconds=PATIENCE)
        [deployment] = self._listed("apis/apps/v1", "deployments")
        assert {"steelyard.dev/revision", "steelyard.dev/pool"} <= set(deployment["metadata"]["labels"]), "a placement to the operator"

    def remove(self) -> None:
        """The pool; the rest goes with the namespace."""
        self.cluster.api.delete(f"{API}/acceleratorpools/{self.pool}")
