"""Pools that name an instance type, with what a catalogue knows of it: nobody writes down again what is written already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.api.shape import PriceClass
from steelyard.core.catalogue.catalogue import Catalogue
from steelyard.simulate.pool_entry import PoolEntry


def filled(pool: Mapping[str, Any], catalogue: Catalogue, currency: str) -> dict[str, Any]:
    """The raw pool of a scenario. What it says itself stands; the list's price is taken only where it asks for it by `priceClass: List`, and where
    it is in the scenario's currency: nothing is converted."""
    name = pool.get("instanceType")
    known = catalogue.instance_types.get(name) if isinstance(name, str) else None
    if known is None:
        return dict(pool)
    facts: dict[str, Any] = {"cpu": known.cpu, "memoryGiB": known.memory_gib, "devices": known.devices}
    if known.accelerator:
        facts |= {"accelerator": known.accelerator, "family": catalogue.accelerators[known.accelerator].family}
    if known.price is not None and known.price.currency == currency and pool.get("priceClass") == PriceClass.LIST.value:
        facts["pricePerHour"] = float(known.price.per_hour)
    return {**facts, **pool}


def foreign_price(pool: PoolEntry, catalogue: Catalogue, currency: str) -> str:
    """What is wrong with a pool that asks for its list price where the list is in another currency; empty where nothing is."""
    known = catalogue.instance_types.get(pool.instance_type or "")
    if pool.price_class is not PriceClass.LIST or pool.price_per_hour is not None or known is None or known.price is None:
        return ""
    return f"pricePerHour: must be given in {currency}: the list has {known.price} for {known.name}, and nothing is converted"
