"""Verdicts on advertised figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from steelyard.status.raw import Raw
from steelyard.status.read.field import UNSHOWN, number, parts, text, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimAtLength:
    """What a trial says of a claim with all lengths of the requests times `factor`."""

    factor: Decimal | None
    verdict: str | None
    """Confirmed, Refuted or Inconclusive."""
    n: int | None
    measured: Decimal | None
    lower: Decimal | None
    upper: Decimal | None


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
    reason: str | None
    unit: str | None
    """What the figures count: GoodRequests, OutputTokens or InputTokens."""
    flips: str | None = field(metadata=UNSHOWN)
    """Of a trial's claim of cost: at which loads it would be true or false."""
    lengths: tuple[ClaimAtLength, ...] = field(metadata=UNSHOWN)
    """Of a trial that asks for other lengths: what the claim is worth there."""
    relative_to: str | None = field(metadata=UNSHOWN)
    price: Decimal | None = field(metadata=UNSHOWN)
    relative_price: Decimal | None = field(metadata=UNSHOWN)


def verdicts(status: Raw) -> tuple[Verdict, ...]:
    """Of the status of a workload, or of a trial."""
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
            reason=text(raw, "reason"),
            unit=text(raw, "unit"),
            flips=text(raw, "flips"),
            lengths=tuple(_at_length(each) for each in parts(raw, "lengths")),
            relative_to=text(raw, "relativeTo"),
            price=number(raw, "price"),
            relative_price=number(raw, "relativePrice"),
        )
        for raw in parts(status, "claims")
    )


def _at_length(raw: Raw) -> ClaimAtLength:
    return ClaimAtLength(
        factor=number(raw, "factor"),
        verdict=text(raw, "verdict"),
        n=whole(raw, "n"),
        measured=number(raw, "measured"),
        lower=number(raw, "lower"),
        upper=number(raw, "upper"),
    )
