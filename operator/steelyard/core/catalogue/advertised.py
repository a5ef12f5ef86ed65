"""What the catalogue has to say to one workload: an estimate for each pool, and the instance types that claims are relative to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

from steelyard.core.catalogue.catalogue import Catalogue
from steelyard.core.catalogue.dtype import of_compile
from steelyard.core.catalogue.estimate import Question
from steelyard.core.catalogue.relative import meant
from steelyard.core.facts.estimate import Estimate
from steelyard.core.facts.snapshot import CompileOptions, Pool, Reference, Workload

Ask: TypeAlias = Callable[[Question], Estimate | None]


def advertised(workload: Workload, pools: tuple[Pool, ...], ask: Ask) -> tuple[Pool, ...]:
    """The pools with what is advertised of one replica's devices, in requests per second."""
    found = []
    for pool in pools:
        devices = workload.choice(pool.name).devices
        asked = (
            ask(_question(workload, workload.compile_for(pool.family, variant=pool.variant), pool.accelerator, devices))
            if pool.resource_name
            else None
        )
        found.append(replace(pool, advertised=asked) if asked else pool)
    return tuple(found)


def sized(workload: Workload, catalogue: Catalogue) -> Workload:
    """The workload with the size that the catalogue knows its model to have."""
    parameters = catalogue.parameters(workload.model.uri)
    return workload if parameters is None else replace(workload, model=replace(workload.model, parameters=parameters))


def references(workload: Workload, pools: tuple[Pool, ...], catalogue: Catalogue, ask: Ask, currency: str) -> Mapping[str, Reference]:
    """By instance type, whatever claims are relative to and no pool has. Throughput is that of the whole node; its cost is by the list
    price, which only such a claim itself refers to, and not known where the list is in another currency."""
    names = {c.relative_to: p.name for p in pools for c in p.claims if c.relative_to and meant(c.relative_to, pools, p.name) is None}
    found = {}
    for name in sorted(names):
        known = catalogue.instance_types.get(name)
        asked = ask(_question(workload, workload.compile, known.accelerator, known.devices)) if known and known.devices else None
        if known is not None and asked is not None:
            listed = float(known.price.per_hour) if known.price and known.price.currency == currency else None
            cost = None if listed is None else listed / (3.6 * asked.throughput)
            found[name] = Reference(throughput=asked.throughput, unit_cost=cost, spread=asked.spread)
    return found


def _question(workload: Workload, options: CompileOptions, accelerator: str, devices: int) -> Question:
    dtype = of_compile(options.dtype, options.quantization)
    return Question(model=workload.model.uri, task=workload.model.task, accelerator=accelerator, devices=devices, dtype=dtype)
