"""How many nodes the limits of a NodePool allow a pool."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import floor

from steelyard.core.facts.snapshot import Shape

GIB = 2**30
NODES = "nodes"
ALMOST = 1e-9
"""Of a node: three tenths of a CPU are not exactly three times one tenth."""


@dataclass(frozen=True, slots=True, order=True)
class NodeLimit:
    """At most so many nodes, and by which of the limits."""

    nodes: int
    by: str


def node_limit(limits: Mapping[str, float], shapes: Sequence[Shape], resource_name: str | None) -> NodeLimit | None:
    """The lowest of what each limit allows; None where none of them bounds nodes. limits: CPUs, bytes, devices of `resource_name`, or nodes.

    Of several instance types the largest counts: so many nodes surely fit.
    """
    return min(_each(limits, shapes, resource_name), default=None)


def _each(limits: Mapping[str, float], shapes: Sequence[Shape], resource_name: str | None) -> Iterator[NodeLimit]:
    if NODES in limits:
        yield NodeLimit(floor(limits[NODES]), f"{NODES} {floor(limits[NODES])}")
    a_node = {
        "cpu": max((s.resources.cpu for s in shapes), default=0.0),
        "memory": max((s.resources.memory_gib for s in shapes), default=0.0) * GIB,
        resource_name or "": max((s.resources.devices for s in shapes), default=0.0),
    }
    for resource, size in sorted(a_node.items()):
        if resource in limits and size > 0:
            told = f"{limits[resource] / GIB:g}Gi" if resource == "memory" else f"{limits[resource]:g}"
            yield NodeLimit(floor(limits[resource] / size + ALMOST), f"{resource} {told}")
