"""CLUSTER=kind: the same nodes by kind, where a container engine runs. Written to kind's documentation; it was not run where this was made.

Differences: kind's nodes share the engine's network, so that pod addresses are reached from this machine only where the engine routes
them; there is no object store beside it; and nodes are decided when the cluster is made.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import yaml

from cluster.access import Access
from cluster.cache_folder import cache_folder
from cluster.errors import ClusterError
from cluster.image_store import ImageRef
from cluster.node_spec import NodeSpec
from cluster.packages import find
from cluster.progress import step


def _kind(*arguments: str, stdin: str | None = None) -> str:
    if find("kind") is None:
        raise ClusterError("CLUSTER=kind needs the program kind on PATH, and a container engine: install both, or use CLUSTER=local")
    answer = subprocess.run(["kind", *arguments], input=stdin, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise ClusterError(f"kind {' '.join(arguments)}: {answer.stderr.strip()}")
    return answer.stdout


def _node(spec: NodeSpec) -> dict[str, object]:
    arguments = {"max-pods": str(spec.max_pods)}
    if spec.reserved:
        arguments["system-reserved"] = ",".join(f"{name}={value}" for name, value in spec.reserved.items())
    registration: dict[str, object] = {"kubeletExtraArgs": arguments}
    if spec.taints:
        registration["taints"] = [
            {"key": taint.split("=")[0].split(":")[0], "value": taint.split(":")[0].partition("=")[2], "effect": taint.split(":")[-1]}
            for taint in spec.taints
        ]
    patch = yaml.safe_dump({"kind": "JoinConfiguration", "nodeRegistration": registration})
    return {"role": "worker", "labels": dict(spec.labels), "kubeadmConfigPatches": [patch]}


def configuration(nodes: Sequence[NodeSpec]) -> str:
    """kind's configuration: a control plane, and a worker for each node."""
    workers = [_node(spec) for spec in nodes]
    return yaml.safe_dump({"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": [{"role": "control-plane"}, *workers]})


class KindCluster(Access):
    """A cluster made by kind."""

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    def start(cls, name: str, nodes: Sequence[NodeSpec], images: Sequence[ImageRef] = ()) -> KindCluster:
        """Make it, and give its nodes the images."""
        cluster = cls(name)
        with step(f"kind create cluster --name {name}"):
            _kind("create", "cluster", "--name", name, "--config", "-", "--wait", "120s", stdin=configuration(nodes))
        _kind("export", "kubeconfig", "--name", name, "--kubeconfig", str(cluster.kubeconfig))
        for spec in nodes:
            if spec.capacity:
                raise ClusterError("kind's nodes cannot be given extended resources: use CLUSTER=local")
        for image in images:
            cluster.load(image)
        return cluster

    @property
    def kubeconfig(self) -> Path:
        """A file of its own: the person's current context stays what it is."""
        return cache_folder() / f"kind-{self.name}.kubeconfig"

    def load(self, image: ImageRef) -> None:
        """Give an image to all nodes."""
        with step(f"kind load {image.reference}"):
            if image.archive.exists():
                _kind("load", "image-archive", str(image.archive), "--name", self.name)
            else:
                _kind("load", "docker-image", image.reference, "--name", self.name)

    def stop(self) -> None:
        """Delete it."""
        _kind("delete", "cluster", "--name", self.name)
        self.kubeconfig.unlink(missing_ok=True)
