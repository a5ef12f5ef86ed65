"""An advertised figure, and a claim that a trial is to judge."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from steelyard.status.raw import Raw
from steelyard.status.read.field import UNSHOWN, moment, number, parts, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What somebody wrote down: a ratio to another pool, or a value with its unit."""

    pool: str | None = field(metadata=UNSHOWN)
    """The pool that it is about, of a trial's claim; a pool's own is about that pool."""
    name: str
    metric: str | None
    ratio: Decimal | None
    relative_to: str | None
    value: Decimal | None
    unit: str | None
    at: str | None
    """Objective or Saturation: the load at which it holds. Null: as is usual for the metric."""
    conditions: str | None
    """Under which it holds, in its author's words."""
    source: str | None
    date: datetime | None


def claims(spec: Raw) -> tuple[Claim, ...]:
    """Of the spec of a pool, or of a trial."""
    return tuple(
        Claim(
            pool=text(raw, "pool"),
            name=text(raw, "name") or "",
            metric=text(raw, "metric"),
            ratio=number(raw, "ratio"),
            relative_to=text(raw, "relativeTo"),
            value=number(raw, "value"),
            unit=text(raw, "unit"),
            at=text(raw, "at"),
            conditions=text(raw, "conditions"),
            source=text(raw, "source"),
            date=moment(raw, "date"),
        )
        for raw in parts(spec, "claims")
    )
