"""What the bill changes by with one replica more or less on a pool: the one law that every decision asks.

Where an autoscaler makes and removes the nodes, replicas pay for whole nodes: the cheapest shape that fits, over the replicas that fit on it.
Where nodes stay, a replica costs what it keeps from others: its dominant share, the largest of its parts of devices, CPU and memory. Nodes
that are committed to are paid in any case: a replica on one that stands idle adds nothing, and what the last of them are worth to others is
the fleet plan's price (`planning/choice_price.py`). A weighted mean of the parts (`attribution.py`) is for reports: by it, replicas that fill
a node may pay for a half of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil

from steelyard.core.economics.node_reserve import for_replicas, pods_for_replicas
from steelyard.core.economics.when_empty import BASIS, CostBasis, WhenEmpty, when_empty
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import Pool, Shape

IDLE = 0.001
"""Of its price that a replica on committed nodes is counted with: it adds nothing to the bill, and fewer are better than more."""
KEPT = 4096
"""Prices: every decision asks for that of each pool, and the replicas of a fleet have few sizes."""
_SLACK = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaPrice:
    """One replica on a pool. shape: the nodes that it would be on. fitting: replicas that fit on one of them, at least 1. part: of the price of
    a node that it is charged, whoever pays for the node and when."""

    shape: Shape
    fitting: int
    part: float
    basis: CostBasis

    def listed(self, per_hour: float) -> float:
        """What a replica costs where a node costs `per_hour` and is paid by the hour: what a claim of cost speaks of."""
        return per_hour * self.part

    def of(self, per_hour: float) -> float:
        """What the bill changes by where a node costs `per_hour`."""
        return self.listed(per_hour) * (IDLE if self.basis is CostBasis.COMMITTED else 1.0)


def replica_price(pool: Pool, resources: Resources) -> ReplicaPrice | None:
    """Of a replica that asks for `resources`; None where it fits on no shape of the pool. Of several shapes the one on which it costs least
    among those that nodes of the pool have, where they have any; one without a price is used only where no other fits."""
    return _lowest(pool.shapes, when_empty(pool), resources)


@lru_cache(KEPT)
def _lowest(shapes: tuple[Shape, ...], rule: WhenEmpty, resources: Resources) -> ReplicaPrice | None:
    fitting = [shape for shape in shapes if shape.resources.weight > 0 and resources.fits(shape.resources)]
    # What stands is what is paid; of a pool without nodes nobody knows yet what is made.
    standing = [shape for shape in fitting if shape.standing]
    return min((_on(shape, rule, resources) for shape in standing or fitting), key=_rank, default=None)


def unknown_types(pool: Pool) -> str:
    """Why the price of a pool's nodes is not known although its shapes have prices, and what to add; empty where some of its nodes are of a type
    that a shape names, or none stands."""
    return "" if not pool.unnamed or any(shape.standing for shape in pool.shapes) else lines_to_add(pool)


def lines_to_add(pool: Pool) -> str:
    """The first instance type of the pool's nodes that no shape names, with the line that names it; empty where there is none."""
    if not pool.unnamed:
        return ""
    first, more = pool.unnamed[0], len(pool.unnamed) - 1
    others = f" and {more} other type{'s' if more > 1 else ''}" if more else ""
    node = first.resources
    line = (
        f"{{instanceType: {first.instance_type}, devices: {node.devices:g}, cpu: {node.cpu:g}, memory: {ceil(node.memory_gib)}Gi, "
        'pricePerHour: "...", priceClass: ..., asOf: "..."}'
    )
    return (
        f"{first.nodes} node{'s are' if first.nodes > 1 else ' is'} of type {first.instance_type}{others}, which no shape names, so what they cost is not "
        f"known: add {line} to spec.shapes with the price of a node (`steelyard catalogue show {first.instance_type}` suggests one)"
    )


def _rank(one: ReplicaPrice) -> tuple[bool, float, str]:
    price = one.shape.price
    return price is None, one.listed(price.per_hour) if price else 0.0, one.shape.instance_type


def _on(shape: Shape, rule: WhenEmpty, resources: Resources) -> ReplicaPrice:
    fitting = replicas_on(shape, resources)
    part = dominant_share(resources, for_replicas(shape)) if rule is WhenEmpty.STAYS else 1.0 / fitting
    return ReplicaPrice(shape=shape, fitting=fitting, part=part, basis=BASIS[rule])


def replicas_on(shape: Shape, resources: Resources) -> int:
    """How many such replicas one node holds: whichever of devices, CPU, memory and pods runs out first. At least 1: what fits on the shape as it
    is written is not refused for a reserve that is an estimate."""
    part, most = dominant_share(resources, for_replicas(shape)), pods_for_replicas(shape)
    return most if part <= 0 else max(1, min(most, int(1 / part + _SLACK)))


def dominant_share(resources: Resources, room: Resources) -> float:
    """Part of `room` that a replica keeps from others, at most 1: the largest of its parts of the devices, the CPU and the memory."""
    parts = ((resources.cpu, room.cpu), (resources.memory_gib, room.memory_gib), (resources.devices, room.devices))
    return min(1.0, max((asked / there for asked, there in parts if asked > 0 and there > 0), default=0.0))
