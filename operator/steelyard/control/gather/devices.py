"""The devices of a pool's nodes, and how many of them pods ask for."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from steelyard.api.quantity import number
from steelyard.control.gather.pool_facts import is_ready
from steelyard.control.gather.running import asked_together
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest


def devices_of_node(node: Manifest, resource: str, selector: Mapping[str, str]) -> int | None:
    """Devices that a node of the pool can hand out; None for a node of another pool, or one that is not ready."""
    labels = manifests.labels(node)
    if any(labels.get(key) != value for key, value in selector.items()) or not is_ready(node):
        return None
    return int(number(((node.get("status") or {}).get("allocatable") or {}).get(resource, 0)))


def devices_of_pod(pod: Manifest, resource: str, nodes: Collection[str]) -> int:
    """Devices that a pod holds on one of these nodes: what it asked for until it has ended, then nothing."""
    if manifests.node_name(pod) not in nodes or (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}:
        return 0
    return int(asked_together(pod.get("spec") or {}).get(resource, 0))
