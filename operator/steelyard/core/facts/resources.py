"""What a container asks for, and what a node has."""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class CompileResources(Resources):
    """What each container of a compile asks for. `disk_gib`: of its node; None: as the configuration says."""

    disk_gib: float | None = None
