"""An AcceleratorPool: what it is, its nodes, its price."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from steelyard.cli.facts.claim import Claim, claims
from steelyard.cli.facts.plain import cleaned
from steelyard.status.raw import Raw
from steelyard.status.read.condition import Condition, conditions
from steelyard.status.read.field import moment, number, part, parts, text, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Money per node and hour."""

    value: Decimal
    currency: str | None
    price_class: str | None
    as_of: datetime | None
    source: str | None = None
    """Where it can be looked up, as its shape says. Null: no shape of the spec has this price, or none says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """None: not known, which is not none."""

    name: str
    accelerator: str | None
    nodes: int | None
    devices_total: int | None
    devices_used: int | None
    price: Price | None
    unpriced: tuple[str, ...]
    """Instance types without a price in the spec."""
    exhausted_until: datetime | None
    exhausted_reason: str | None
    conditions: tuple[Condition, ...]
    claims: tuple[Claim, ...]


def pool(raw: Raw) -> Pool:
    """The price is that of the status; a pool of one shape that no operator has seen yet shows the one its spec declares."""
    metadata, spec, status = (cleaned(part(raw, each)) for each in ("metadata", "spec", "status"))
    devices, exhausted = part(status, "devices"), part(status, "exhausted")
    shapes = parts(spec, "shapes")
    declared = _price(shapes[0], "pricePerHour", "priceClass") if len(shapes) == 1 else None
    price = _price(part(status, "price"), "value", "class") or declared
    return Pool(
        name=text(metadata, "name") or "",
        accelerator=text(part(spec, "accelerator"), "model"),
        nodes=whole(status, "nodes"),
        devices_total=whole(devices, "total"),
        devices_used=whole(devices, "used"),
        price=price and replace(price, source=_source(shapes, price)),
        unpriced=tuple(name for s in shapes if number(s, "pricePerHour") is None and (name := text(s, "instanceType"))),
        exhausted_until=moment(exhausted, "until"),
        exhausted_reason=text(exhausted, "reason"),
        conditions=conditions(status),
        claims=claims(spec),
    )


def _source(shapes: Iterable[Raw], price: Price) -> str | None:
    """Of the shape that has this price: a status may still show that of an earlier spec, of which no source is known."""
    return next((said for s in shapes if number(s, "pricePerHour") == price.value and (said := text(s, "priceSource"))), None)


def _price(raw: Raw, value: str, word: str) -> Price | None:
    found = number(raw, value)
    if found is None:
        return None
    return Price(value=found, currency=text(raw, "currency"), price_class=text(raw, word), as_of=moment(raw, "asOf"))
