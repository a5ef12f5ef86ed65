"""Nodes that are not ready and have replicas on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from steelyard.control.gather.pool_facts import is_ready, readiness_since
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.core.vocabulary.reason import Reason, Refusal

NodeOf = Callable[[str], Manifest | None]
"""A node by its name; None where it is not seen."""


def on_a_lost_node(pods: Sequence[Manifest], node_of: NodeOf, pool: str) -> Refusal | None:
    """The node with most of these pods among those that are not ready, and since when; None where all are. A pod that leaves counts: on such
    a node it cannot end."""
    there = Counter(name for pod in pods if (name := manifests.node_name(pod)) is not None and not _has_ended(pod))
    seen = {name: node for name in there if (node := node_of(name)) is not None}
    lost = sorted((name for name, node in seen.items() if not is_ready(node)), key=lambda name: (-there[name], name))
    if not lost:
        return None
    name, count = lost[0], there[lost[0]]
    more = f", {len(lost) - 1} more like it" if len(lost) > 1 else ""
    replicas = "a replica is" if count == 1 else f"{count} replicas are"
    return Refusal(
        Reason.NODE_NOT_READY,
        f"node {name} of pool {pool} is not ready{_since(seen[name])} and {replicas} on it{more}: mend it or delete it"
        f" (`kubectl describe node {name}`); Kubernetes moves its pods about five minutes after a node was lost",
    )


def _since(node: Manifest) -> str:
    since = readiness_since(node)
    return f" since {since:%Y-%m-%d %H:%M:%S} UTC" if since else ""


def _has_ended(pod: Manifest) -> bool:
    return (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}
