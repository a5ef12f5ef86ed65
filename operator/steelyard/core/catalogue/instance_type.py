"""An instance type: what one node of it holds, and what the provider's list asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from steelyard.core.catalogue.entry import Entry, Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPrice:
    """Money per node and hour on demand, as a public list had it. Somebody else's contract: shown to people, never decided on."""

    per_hour: Decimal
    currency: str
    region: str
    source: str
    date: date

    def __str__(self) -> str:
        return f"{self.per_hour} {self.currency} an hour in {self.region} on {self.date.isoformat()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceType:
    """One node. accelerator: the catalogue's name of its devices, empty for none. price None: no list that can be quoted has one."""

    name: str
    accelerator: str
    devices: int
    cpu: float
    memory_gib: float
    arch: str
    price: ListPrice | None
    source: str
    date: date


def instance_type(called: str, raw: object, faults: list[Fault]) -> InstanceType | None:
    """The entry; None with faults noted."""
    entry = Entry(called, raw, faults)
    day = entry.day("date")
    found = InstanceType(
        name=entry.name("name"),
        accelerator=entry.name("accelerator", required=False),
        devices=entry.whole("devices", 0, 1024),
        cpu=entry.number("cpu", 0, 10_000) or 0.0,
        memory_gib=entry.number("memoryGiB", 0, 100_000) or 0.0,
        arch=entry.name("arch", required=False),
        price=_price(entry),
        source=entry.text("source"),
        date=day or date.min,
    )
    if bool(found.accelerator) != bool(found.devices):
        entry.refuse("devices", "must be 0 without an accelerator, and at least 1 with one")
    entry.end()
    return None if entry.faulty else found


def _price(entry: Entry) -> ListPrice | None:
    per_hour = entry.money("pricePerHour", 100_000)
    priced = per_hour is not None
    currency, region = entry.name("currency", required=priced), entry.name("region", required=priced)
    source, day = entry.text("priceSource", required=priced), entry.day("priceDate", required=priced)
    if not priced and (currency or region or source or day):
        entry.refuse("pricePerHour", "is needed with currency, region, priceSource or priceDate, or all of them are left out")
    if per_hour is None or day is None:
        return None
    return ListPrice(per_hour=per_hour, currency=currency, region=region, source=source, date=day)
