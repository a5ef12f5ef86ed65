"""How much of a node one container pays for. Conservation holds by construction: shares and idle sum to the node's price.

Formula (OpenCost specification, appendix on node prices): fixed weights per CPU core, GiB and accelerator are normalised so that the
whole node costs its price; a container pays its part of each, whole devices for accelerators. On a node with accelerators the devices
are what is bought: they carry DEVICE_WEIGHT each, which dwarfs the host's parts but leaves them a fair remainder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CPU_WEIGHT = 0.031611
"""Per core. Only the ratio of the weights matters; these are OpenCost's default on-demand figures for CPU and memory."""
MEMORY_WEIGHT = 0.004237
"""Per GiB."""
DEVICE_WEIGHT = 0.95
"""Per accelerator device."""


@dataclass(frozen=True, slots=True)
class Resources:
    """CPU cores, memory in GiB, accelerator devices: fractions of them where a node hands out parts (see device_part)."""

    cpu: float
    memory_gib: float
    devices: float = 0.0

    @property
    def weight(self) -> float:
        """Unnormalised value of these resources."""
        return self.cpu * CPU_WEIGHT + self.memory_gib * MEMORY_WEIGHT + self.devices * DEVICE_WEIGHT

    def fits(self, inside: Resources) -> bool:
        """Whether a node with `inside` could hold this."""
        return self.cpu <= inside.cpu and self.memory_gib <= inside.memory_gib and self.devices <= inside.devices


def share(container: Resources, node: Resources) -> float:
    """Fraction of the node's price that `container` pays, in [0, 1]. `node` is allocatable capacity. ValueError on an empty node."""
    if node.weight <= 0:
        raise ValueError("a node without resources has no price to share: give its shape devices, cpu and memory")
    return min(1.0, container.weight / node.weight)


def attribute(containers: Mapping[str, Resources], node: Resources, cost: float) -> tuple[Mapping[str, float], float]:
    """Split `cost` of one node over its containers: (cost by container, idle cost).

    Oversubscription is scaled so that shares never exceed 1; sum of all parts equals `cost` up to rounding of floats.
    """
    shares = {name: share(resources, node) for name, resources in sorted(containers.items())}
    total = sum(shares.values())
    scale = 1.0 if total <= 1.0 else 1.0 / total
    parts = {name: cost * each * scale for name, each in shares.items()}
    return parts, max(0.0, cost - sum(parts.values()))
