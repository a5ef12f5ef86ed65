"""What one replica asks for where nobody says: what the user asked for, the devices' part of a node, or what vLLM needs on a CPU."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, floor

from steelyard.core.compiling.memory_need import MemoryNeed
from steelyard.core.economics.node_reserve import for_replicas
from steelyard.core.facts.existing import Found
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import Pool, Workload

CPU_POOL = Resources(cpu=1.0, memory_gib=2.0)
"""One replica on a CPU pool, where neither the workload nor the pool says more."""
ONE_DEVICE = Resources(cpu=1.0, memory_gib=4.0)
"""The same of a device pool in versions that knew no part of a node, and where no shape has the devices."""
_CORES, _GIB = 0.1, 0.25
"""What a request is rounded down to."""


def resources_of(workload: Workload, pool: Pool, need: MemoryNeed | None = None) -> Resources:
    """What one replica asks for on this pool: the workload's word, else the pool's, else a default. need: of its model, where that is known."""
    told = told_of(workload, pool)
    if pool.resource_name is None:
        return told or (CPU_POOL if need is None else large_enough(pool, need))
    devices = float(workload.choice(pool.name).devices)
    return replace(told, devices=devices) if told is not None else in_proportion(pool, devices)


def as_found(found: Found, workload: Workload, pool: Pool) -> Resources:
    """Of a server that exists already: what its replicas ask for, on devices of another kind as many as the workload says."""
    if pool.resource_name is None:
        return replace(found.resources, devices=0.0)
    alike = pool.resource_name == found.resource_name
    return replace(found.resources, devices=found.resources.devices if alike else float(workload.choice(pool.name).devices))


def told_of(workload: Workload, pool: Pool) -> Resources | None:
    """CPU and memory as somebody wrote them, for the pool before for its family; None where nobody did."""
    program = None if workload.custom is None else workload.custom.program(pool.family)
    of_family = None if program is None else program.resources
    return workload.choice(pool.name).resources or of_family or pool.default_resources


def in_proportion(pool: Pool, devices: float) -> Resources:
    """The devices' part of what replicas can have of a node. Of several shapes the smallest part, so that replicas which fill the devices of a node
    fit on each: whatever is free beside them could be nobody's without a device."""
    shapes = [(for_replicas(s), devices / s.resources.devices) for s in pool.shapes if 0 < devices <= s.resources.devices]
    if not shapes:
        return replace(ONE_DEVICE, devices=devices)
    return Resources(
        cpu=_rounded(min(room.cpu * part for room, part in shapes), _CORES),
        memory_gib=_rounded(min(room.memory_gib * part for room, part in shapes), _GIB),
        devices=devices,
    )


def large_enough(pool: Pool, need: MemoryNeed) -> Resources:
    """On a CPU pool: the memory that the model needs, and the same part of a node's CPUs as of its memory; of several shapes the smallest."""
    memory = ceil(max(need.gib, CPU_POOL.memory_gib) / _GIB - 1e-9) * _GIB
    rooms = [room for shape in pool.shapes if (room := for_replicas(shape)).memory_gib >= memory]
    cpu = min((room.cpu * memory / room.memory_gib for room in rooms), default=0.0)
    return Resources(cpu=max(CPU_POOL.cpu, _rounded(cpu, _CORES)), memory_gib=memory)


def _rounded(amount: float, step: float) -> float:
    """Down to a multiple of the step, and at least one of it."""
    return round(max(1, floor(amount / step + 1e-9)) * step, 6)
