"""An advertised figure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from steelyard.status.raw import Raw
from steelyard.status.read.field import moment, number, parts, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a pool's owner wrote down: a ratio to another pool, or a value with its unit."""

    name: str
    metric: str | None
    ratio: Decimal | None
    relative_to: str | None
    value: Decimal | None
    unit: str | None
    source: str | None
    date: datetime | None


def claims(spec: Raw) -> tuple[Claim, ...]:
    """Of a pool's spec."""
    return tuple(
        Claim(
            name=text(raw, "name") or "",
            metric=text(raw, "metric"),
            ratio=number(raw, "ratio"),
            relative_to=text(raw, "relativeTo"),
            value=number(raw, "value"),
            unit=text(raw, "unit"),
            source=text(raw, "source"),
            date=moment(raw, "date"),
        )
        for raw in parts(spec, "claims")
    )
