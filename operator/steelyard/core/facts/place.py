"""The places where a workload may run: each pool, and beside it one more for each variant of the model."""

from __future__ import annotations

from dataclasses import replace

from steelyard.core.facts.identity import place
from steelyard.core.facts.snapshot import ModelVariant, Pool, Workload


def places(workload: Workload, pools: tuple[Pool, ...]) -> tuple[Pool, ...]:
    """The pools, each followed by its variants in the order of the spec."""
    if not workload.variants:
        return pools
    return tuple(each for pool in pools for each in (pool, *(_with(pool, variant) for variant in workload.variants)))


def _with(pool: Pool, variant: ModelVariant) -> Pool:
    """With the pool's nodes and prices, and none of its claims: what is advertised speaks of the model as it is."""
    backends = pool.backends if variant.backend is None else tuple(each for each in pool.backends if each == variant.backend)
    return replace(pool, name=place(pool.name, variant.name), backends=backends, claims=(), variant=variant)
