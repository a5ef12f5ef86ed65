"""What the Job of a compile asks for: the workload's word, else the configuration's, with memory for a model whose size is known."""

from __future__ import annotations

from math import ceil

from steelyard.core.compiling.memory_need import CPU_CACHE, CPU_OVERHEAD, GIB, MARGIN, bytes_of_weight
from steelyard.core.facts.resources import CompileResources
from steelyard.core.facts.snapshot import Settings, Workload

REFERENCE = 2 * 1.25
"""Bytes of a weight that vLLM's reference takes: a checkpoint of 16 bits, of which one layer at a time is in 32 (`generate/reference.py`)."""
COPIES = 2 * 4
"""Bytes of a weight that a compiled encoder takes, in 32 bits: the reference, and what is made of it (`compile/memory.py`)."""
BESIDE = 1.0
"""GiB of the libraries that compile an encoder."""


def compile_resources(workload: Workload, dtype: str, settings: Settings) -> CompileResources | None:
    """None where it is what the configuration says anyway. dtype: that is compiled to."""
    if workload.compile_resources is not None:
        return workload.compile_resources
    needed = _needed(workload, dtype)
    if needed is None or needed <= settings.compile_resources.memory_gib:
        return None
    return CompileResources(settings.compile_resources.cpu, float(ceil(needed)))


def _needed(workload: Workload, dtype: str) -> float | None:
    """GiB, where the catalogue knows the model."""
    if workload.model.parameters is None:
        return None
    weights = workload.model.parameters * 1e6 / GIB
    if workload.vllm is None:
        return COPIES * weights + BESIDE
    # One after the other: the reference is gone when vLLM starts, which it does on a CPU.
    return max(REFERENCE, MARGIN * bytes_of_weight(dtype)) * weights + CPU_OVERHEAD + CPU_CACHE
