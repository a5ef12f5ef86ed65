"""What of a node is left for replicas: the kubelet, the system and the agents of each node keep a part for themselves.

The part is that of Google Kubernetes Engine, which keeps most of the large providers and publishes it (Plan node sizes, CPU and memory
reservations): of CPU 6 % of the first core, 1 % of the second, 0.5 % of the next two and 0.25 % of the rest; of memory 25 % of the first
4 GiB, 20 % of the next 4, 10 % of the next 8, 6 % of the next 112 and 2 % of the rest. Agents (network, storage, devices, logs, metrics)
ask for CPU beside it; their memory has room in what is kept above what Amazon and Azure keep.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from math import inf

from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import Shape

_CPU = ((0.0, 0.06), (1.0, 0.01), (2.0, 0.005), (4.0, 0.0025))
"""From so many cores on, the part that is kept."""
_MEMORY = ((0.0, 0.25), (4.0, 0.20), (8.0, 0.10), (16.0, 0.06), (128.0, 0.02))
"""From so many GiB on."""
AGENTS_CPU = 0.4
AGENT_PODS = 10
PODS = 110
"""The kubelet's default."""
MOST = 0.5
"""Of a small node that is kept at most."""


def for_replicas(shape: Shape) -> Resources:
    """What the replicas on one node of the shape can have together."""
    if shape.for_replicas is not None:
        return shape.for_replicas
    node = shape.resources
    kept = _stepped(node.cpu, _CPU) + AGENTS_CPU
    return Resources(
        cpu=node.cpu - min(kept, MOST * node.cpu),
        memory_gib=node.memory_gib - min(_stepped(node.memory_gib, _MEMORY), MOST * node.memory_gib),
        devices=node.devices,
    )


def pods_for_replicas(shape: Shape) -> int:
    """How many replicas may be on one node, however small they are."""
    return max(1, (PODS if shape.pods is None else shape.pods) - AGENT_PODS)


@lru_cache(maxsize=1024)
def _stepped(amount: float, steps: Sequence[tuple[float, float]]) -> float:
    """What is kept of an amount, part by part. Kept for the few sizes that nodes have: every decision asks it of every shape."""
    return sum(part * max(0.0, min(amount, end) - begin) for (begin, part), (end, _) in pairwise((*steps, (inf, 0.0))))
