"""The last decision: verdict, board of gates, and pools as options."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from steelyard.status.raw import Raw
from steelyard.status.read.compiled_model import ToldAccuracy, accuracy
from steelyard.status.read.field import moment, number, part, parts, text, truth, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What one gate said, in chain order; those behind the first refusal say what would refuse next."""

    gate: str
    passed: bool | None
    reason: str | None
    message: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One pool as it was weighed."""

    pool: str
    feasible: bool | None
    reason: str | None
    message: str | None
    replicas: int | None
    cost_per_hour: Decimal | None
    unit_cost: Decimal | None
    lower: Decimal | None
    upper: Decimal | None
    basis: str | None
    n: int | None
    cheapest_below: Decimal | None
    cost_basis: str | None
    accuracy: ToldAccuracy | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The decision as it last changed: it may be old and still hold."""

    time: datetime | None
    verdict: str | None
    """Place, Stay, Hold, Wait, Move or Done."""
    reason: str | None
    message: str | None
    digest: str | None
    """Finds the full record in the operator's log."""
    gates: tuple[Gate, ...]
    options: tuple[Option, ...]
    unit: str | None
    """What their unit costs are counted by: GoodRequests, OutputTokens or InputTokens."""

    @property
    def refusal(self) -> Gate | None:
        """The first gate that refused: the verdict."""
        return next((g for g in self.gates if g.passed is False), None)


def decision(status: Raw) -> Decision | None:
    """None before the first one."""
    raw = part(status, "lastDecision")
    if not raw:
        return None
    return Decision(
        time=moment(raw, "time"),
        verdict=text(raw, "verdict"),
        reason=text(raw, "reason"),
        message=text(raw, "message"),
        digest=text(raw, "digest"),
        gates=tuple(
            Gate(gate=text(g, "gate") or "", passed=truth(g, "passed"), reason=text(g, "reason"), message=text(g, "message"))
            for g in parts(raw, "board")
        ),
        options=tuple(_option(o) for o in parts(raw, "options")),
        unit=text(raw, "unit"),
    )


def _option(raw: Raw) -> Option:
    return Option(
        pool=text(raw, "pool") or "",
        feasible=truth(raw, "feasible"),
        reason=text(raw, "reason"),
        message=text(raw, "message"),
        replicas=whole(raw, "replicas"),
        cost_per_hour=number(raw, "costPerHour"),
        unit_cost=number(raw, "unitCost"),
        lower=number(raw, "lower"),
        upper=number(raw, "upper"),
        basis=text(raw, "basis"),
        n=whole(raw, "n"),
        cheapest_below=number(raw, "cheapestBelow"),
        cost_basis=text(raw, "costBasis"),
        accuracy=accuracy(part(raw, "accuracy")),
    )
