"""The memory that vLLM cannot do without, of a device or of a container: weights, and the cache of one request.

A lower bound, because a pool is refused by it: what is not known is not counted, and where the weights are not known there is none. Source of
the sizes: the artifact, whose maker has counted them, else the catalogue's parameters in the number format that is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

from steelyard.core.facts.snapshot import Artifact, CompileOptions, Pool, VllmOptions, Workload
from steelyard.core.vocabulary.task import generates

GIB = 2**30
MARGIN = 1.05
"""Of the weights, for what lies beside them: activations, graphs, buffers between devices. Little, so that nothing is refused that would run."""
CPU_OVERHEAD = 2.5
"""GiB of vLLM's processes on a CPU beside weights and cache (`steelyard_runtime/generate/launch.py`)."""
CPU_CACHE = 1.0
"""GiB of cache on a CPU at least: vLLM takes whole ones."""
_BYTES = {"float32": 4}
"""Of a weight; every other format that vLLM is told has two, and Auto may be one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryNeed:
    """GiB. `weights`, and `cache`: of one request of `tokens`, 0 where that is not known. `beside`: of processes, and `least`: of a cache at least
    where it has whole ones, 0 where it has parts. `share`: fraction of the memory that vLLM takes for all of it. `exact`: whether the weights were
    counted and not estimated."""

    weights: float
    cache: float
    tokens: int | None
    share: float
    beside: float
    least: float
    exact: bool

    @property
    def gib(self) -> float:
        """All of the memory that has to be there."""
        return (MARGIN * self.weights + self._taken + self.beside) / self.share

    @property
    def _taken(self) -> float:
        """By the cache."""
        return max(float(ceil(self.cache)), self.least) if self.least else self.cache

    def tokens_within(self, room: float) -> int:
        """Tokens of the longest request whose cache has place in so many GiB; 0 where none has, or a token's is not known."""
        left = room * self.share - MARGIN * self.weights - self.beside
        if not self.tokens or not self.cache or left < self.least:
            return 0
        return int((floor(left) if self.least else left) / self.cache * self.tokens)

    def __str__(self) -> str:
        """What it is made of."""
        parts = [f"{self.weights:.1f} GiB of weights{'' if self.exact else ' by the catalogue'}, {round(100 * MARGIN) - 100} % beside"]
        if self.tokens is not None:
            parts.append(f"{self.cache:.1f} for {self.tokens} tokens")
        if self.beside:
            parts.append(f"{self.beside + self._taken - self.cache:g} for processes and cache")
        return f"{', '.join(parts)}, in {round(100 * self.share)} % of it"


def memory_need(workload: Workload, pool: Pool, options: CompileOptions, artifact: Artifact | None) -> MemoryNeed | None:
    """Of one replica on the pool, over all its devices; None for other servers than vLLM, and where nobody knows how large the model is."""
    vllm = workload.vllm
    weights = _weights(workload, options, artifact)
    if vllm is None or weights is None:
        return None
    on_cpu = pool.resource_name is None
    tokens, cache = _cache(workload, vllm, artifact)
    return MemoryNeed(
        weights=weights,
        cache=cache,
        tokens=tokens,
        # The plugins for Neuron are not told a part of the memory: the cache's size is in the compiled graphs.
        share=1.0 if pool.family.startswith("neuron-") else vllm.memory_percent / 100,
        beside=CPU_OVERHEAD if on_cpu else 0.0,
        least=CPU_CACHE if on_cpu else 0.0,
        exact=artifact is not None and artifact.memory is not None,
    )


def bytes_of_weight(dtype: str) -> int:
    """In a number format that vLLM is told; of Auto as few as it may have."""
    return _BYTES.get(dtype, 2)


def _weights(workload: Workload, options: CompileOptions, artifact: Artifact | None) -> float | None:
    if artifact is not None and artifact.memory is not None:
        return artifact.memory.weights / GIB
    parameters = workload.model.parameters
    return None if parameters is None else parameters * 1e6 * bytes_of_weight(options.dtype) / GIB


def _cache(workload: Workload, vllm: VllmOptions, artifact: Artifact | None) -> tuple[int | None, float]:
    """Tokens of the longest request, and GiB of its cache; 0 where it is not known, and of models that generate nothing."""
    known = artifact.memory if artifact is not None else None
    if known is None or known.token is None or not generates(workload.model.task):
        return None, 0.0
    tokens = vllm.max_model_length or known.positions
    return (None, 0.0) if tokens is None else (tokens, tokens * known.token / GIB)
