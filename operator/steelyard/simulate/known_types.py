"""Pools that name an instance type, with what a catalogue knows of it: nobody writes down again what is written already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.api.shape import PriceClass
from steelyard.core.catalogue.catalogue import Catalogue


def filled(pool: Mapping[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    """The raw pool of a scenario. What it says itself stands; the list's price is taken only where it asks for it by `priceClass: List`."""
    name = pool.get("instanceType")
    known = catalogue.instance_types.get(name) if isinstance(name, str) else None
    if known is None:
        return dict(pool)
    facts: dict[str, Any] = {"cpu": known.cpu, "memoryGiB": known.memory_gib, "devices": known.devices}
    if known.accelerator:
        facts |= {"accelerator": known.accelerator, "family": catalogue.accelerators[known.accelerator].family}
    if known.price is not None and pool.get("priceClass") == PriceClass.LIST.value:
        facts["pricePerHour"] = float(known.price.per_hour)
    return {**facts, **pool}
