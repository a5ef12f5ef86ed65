"""Where a compile runs: on general nodes, or, where it takes the device itself, on those of a pool that will serve what it makes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from steelyard.core.compiling.candidate import server_of, toolchain_for
from steelyard.core.economics.attribution import Resources
from steelyard.core.snapshot import Pool, Settings, Toolchain

DEVICES = 1.0
"""What a compile takes where it takes any: the smallest part that a pool's resource name stands for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileSite:
    """Nodes that a compile may run on, and what it asks of them. `pool`: whose nodes and device they are; None for general nodes."""

    node_selector: Mapping[str, str]
    resources: Resources
    pool: str | None = None
    resource_name: str | None = None
    tolerations: tuple[Mapping[str, str], ...] = ()
    scheduler: str | None = None


def pools_to_compile_on(toolchain: Toolchain, settings: Settings, pools: Iterable[Pool], now: datetime) -> tuple[Pool, ...]:
    """The pools that serve what this toolchain makes, best first; none where it needs no device, and then it needs none of them.

    Those that have nodes or can get them, before those that are exhausted or empty; the cheapest device of these; then by name.
    """
    if not toolchain.compile_needs_device:
        return ()
    usable = [
        p
        for p in pools
        if p.selected and p.resource_name is not None and toolchain_for(server_of(toolchain.backend), p, settings) == toolchain
    ]
    return tuple(sorted(usable, key=lambda p: (_is_short(p, now), _price(p), p.name)))


def compile_site(toolchain: Toolchain, settings: Settings, pools: tuple[Pool, ...], *, attempt: int, factor: int) -> CompileSite | None:
    """Where attempt `attempt`, from 1 on, runs with `factor` times the configured memory; None where it needs a device and no pool has one.

    pools: as `pools_to_compile_on` orders them. Each further attempt takes the next one that is large enough: a pool whose nodes stay taken
    does not hold a compile up for ever.
    """
    base = settings.compile_resources
    resources = replace(base, memory_gib=base.memory_gib * factor)
    if not toolchain.compile_needs_device:
        return CompileSite(node_selector=settings.compile_node_selector, resources=resources)
    if not pools:
        return None
    resources = replace(resources, devices=DEVICES)
    # Where none is large enough the Job waits, and says for what: shapes are what the user wrote, a node may be larger.
    large = [p for p in pools if any(resources.fits(s.resources) for s in p.shapes)] or list(pools)
    pool = large[(attempt - 1) % len(large)]
    return CompileSite(
        node_selector=pool.node_selector,
        resources=resources,
        pool=pool.name,
        resource_name=pool.resource_name,
        tolerations=pool.tolerations,
        scheduler=pool.scheduler,
    )


def _is_short(pool: Pool, now: datetime) -> bool:
    exhausted = pool.exhausted_until is not None and now < pool.exhausted_until
    return exhausted or not (pool.provisioned or pool.nodes > pool.unready_nodes)


def _price(pool: Pool) -> float:
    """Of a device for an hour; what has no price comes last."""
    return min((s.price.per_hour / s.resources.devices for s in pool.shapes if s.price and s.resources.devices), default=math.inf)
