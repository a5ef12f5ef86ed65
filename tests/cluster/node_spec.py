"""What a node is to be, and the sets of nodes that have names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from cluster.errors import ClusterError

#: A node's name is a part of paths of sockets (107 characters) and of its own host name.
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


@dataclass(frozen=True)
class NodeSpec:
    """One node. Every node has all of the machine's processors and memory, less what is `reserved`."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Sequence[str] = ()
    """`key=value:Effect`."""
    reserved: Mapping[str, str] = field(default_factory=dict)
    """`cpu`, `memory`: what this machine has and the node does not offer."""
    capacity: Mapping[str, str] = field(default_factory=dict)
    """Extended resources that the node says it has, such as `aws.amazon.com/neuron`; no device stands behind them."""
    max_pods: int = 110
    cpu_quota_period: str = "10ms"
    """The kernel's default of 100ms freezes a pod with a limit of 250m for 75 ms at a time: latencies would measure the scheduler."""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ClusterError(f"{self.name!r} is no name for a node: use 1 to 40 of a-z, 0-9 and -")


def pool_node(name: str, pool: str, instance_type: str) -> NodeSpec:
    """A node of an accelerator pool, as a cloud's node would be labelled."""
    return NodeSpec(name, labels={"steelyard.dev/pool": pool, "node.kubernetes.io/instance-type": instance_type})


GENERAL = NodeSpec("general", labels={"steelyard.dev/role": "general"})
POOL_A = pool_node("pool-a", "pool-a", "c7i.large")
POOL_B = pool_node("pool-b", "pool-b", "c7a.large")

#: `general` runs the operator and the compilers; the pools serve.
PRESETS: Mapping[str, Sequence[NodeSpec]] = {
    "none": (),
    "one": (GENERAL,),
    "demo": (GENERAL, POOL_A, POOL_B),
    "general": (GENERAL,),
    "pool-a": (POOL_A,),
    "pool-b": (POOL_B,),
}


def _from_mapping(raw: Mapping[str, Any], where: str) -> NodeSpec:
    known = {entry.name for entry in fields(NodeSpec)}
    unknown = set(raw) - known
    if unknown or "name" not in raw:
        raise ClusterError(
            f"{where}: a node has {', '.join(sorted(known))} (name is required), not {', '.join(sorted(unknown)) or 'no name'}"
        )
    return NodeSpec(**raw)


def node_set(text: str) -> list[NodeSpec]:
    """The nodes that `text` means: presets joined by commas, or the path of a YAML file with a list of nodes."""
    if Path(text).suffix in {".yaml", ".yml"}:
        content = yaml.safe_load(Path(text).read_text())
        if not isinstance(content, list):
            raise ClusterError(f"{text}: expected a list of nodes")
        return [_from_mapping(raw, text) for raw in content]
    nodes: list[NodeSpec] = []
    for name in filter(None, text.split(",")):
        if name not in PRESETS:
            raise ClusterError(f"no node set is called {name}: use {', '.join(PRESETS)}, or a YAML file with a list of nodes")
        nodes += [node for node in PRESETS[name] if node not in nodes]
    return nodes
