"""Where a compile runs: on general nodes, or, where it takes the device itself, on those of a pool that will serve what it makes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from steelyard.core.compiling.candidate import compile_inputs, toolchain_for
from steelyard.core.facts.place import places
from steelyard.core.facts.resources import CompileResources, Resources
from steelyard.core.facts.snapshot import Pool, Settings, Toolchain, Workload

DEVICES = 1.0
"""What a compile takes where it takes any: the smallest part that a pool's resource name stands for."""


User: TypeAlias = tuple[Workload, tuple[Pool, ...]]
"""A workload that uses what is compiled, with the pools as it sees them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileSite:
    """Nodes that a compile may run on, and what it asks of them. `disk_gib`: None: as the configuration says. `pool`: whose nodes and device they are; None
    for general nodes."""

    node_selector: Mapping[str, str]
    resources: Resources
    disk_gib: float | None = None
    pool: str | None = None
    resource_name: str | None = None
    tolerations: tuple[Mapping[str, str], ...] = ()
    scheduler: str | None = None
    runtime_class: str | None = None


def pools_to_compile_on(key: str, users: Iterable[User], settings: Settings, now: datetime) -> tuple[Pool, ...]:
    """The pools with a device for which one of these workloads asks for this compile key, best first.

    Those that have nodes or can get them, before those that are exhausted or empty; the cheapest device of these; then by name.
    """
    usable = {
        pool.of: pool
        for workload, pools in users
        for pool in places(workload, pools)
        if pool.selected and pool.resource_name is not None and key == _key(workload, pool, settings)
    }
    return tuple(sorted(usable.values(), key=lambda p: (_is_short(p, now), _price(p), p.name)))


def is_asked_for(key: str, users: Iterable[User], settings: Settings) -> bool:
    """Whether one of these workloads asks for this compile key now, on any pool that it selects: it may have been changed since."""
    return any(pool.selected and key == _key(workload, pool, settings) for workload, pools in users for pool in places(workload, pools))


def compile_site(
    toolchain: Toolchain, settings: Settings, pools: tuple[Pool, ...], *, attempt: int, factor: int, asked: CompileResources | None = None
) -> CompileSite | None:
    """Where attempt `attempt`, from 1 on, runs with `factor` times the memory; None where it needs a device and no pool has one.

    asked: what the compile asks for, in place of the configuration.
    pools: as `pools_to_compile_on` orders them. Each further attempt takes the next one that is large enough: a pool whose nodes stay taken
    does not hold a compile up for ever.
    """
    base = asked or settings.compile_resources
    resources = Resources(base.cpu, base.memory_gib * factor)
    disk = None if asked is None else asked.disk_gib
    if not toolchain.compile_needs_device:
        return CompileSite(node_selector=toolchain.on_its_nodes(settings.compile_node_selector), resources=resources, disk_gib=disk)
    if not pools:
        return None
    resources = replace(resources, devices=DEVICES)
    # Where none is large enough the Job waits, and says for what: shapes are what the user wrote, a node may be larger.
    large = [p for p in pools if any(resources.fits(s.resources) for s in p.shapes)] or list(pools)
    pool = large[(attempt - 1) % len(large)]
    return CompileSite(
        node_selector=pool.node_selector,
        resources=resources,
        disk_gib=disk,
        pool=pool.of,
        resource_name=pool.resource_name,
        tolerations=pool.tolerations,
        scheduler=pool.scheduler,
        runtime_class=pool.runtime_class,
    )


def _key(workload: Workload, pool: Pool, settings: Settings) -> str | None:
    toolchain = toolchain_for(workload, pool, settings)
    return compile_inputs(workload, toolchain, pool.family, pool.variant).key if toolchain else None


def _is_short(pool: Pool, now: datetime) -> bool:
    exhausted = pool.exhausted_until is not None and now < pool.exhausted_until
    return exhausted or not ((pool.provisioned and pool.max_nodes != 0) or pool.nodes > pool.unready_nodes)


def _price(pool: Pool) -> float:
    """Of a device for an hour; what has no price comes last."""
    return min((s.price.per_hour / s.resources.devices for s in pool.shapes if s.price and s.resources.devices), default=math.inf)
