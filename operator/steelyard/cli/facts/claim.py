"""An advertised figure, and the verdict on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from steelyard.cli.facts.field import moment, number, parts, text, whole
from steelyard.status.raw import Raw


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Confirmed, Refuted or Inconclusive, with what was claimed, what was measured, and n."""

    pool: str
    name: str
    verdict: str | None
    n: int | None
    claimed: Decimal | None
    measured: Decimal | None
    lower: Decimal | None
    upper: Decimal | None
    message: str | None


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


def verdicts(status: Raw) -> tuple[Verdict, ...]:
    """Of a workload's status."""
    return tuple(
        Verdict(
            pool=text(raw, "pool") or "",
            name=text(raw, "name") or "",
            verdict=text(raw, "verdict"),
            n=whole(raw, "n"),
            claimed=number(raw, "claimed"),
            measured=number(raw, "measured"),
            lower=number(raw, "lower"),
            upper=number(raw, "upper"),
            message=text(raw, "message"),
        )
        for raw in parts(status, "claims")
    )


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
