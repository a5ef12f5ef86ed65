"""A move under way, moves of the past, and what is in quarantine."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from steelyard.status.raw import Raw
from steelyard.status.read.field import UNSHOWN, moment, number, part, parts, text, truth, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """From `source` to `target`, both pools."""

    id: str | None
    kind: str | None
    """Rebalance, Exploration or Revision."""
    source: str | None
    target: str | None
    source_revision: str | None
    target_revision: str | None
    step: str | None
    """Surge, Shift, Bake, Drain or Back."""
    source_replicas: int | None
    target_replicas: int | None
    """What the present step wants on the target."""
    target_goal: int | None
    """What the move ends with."""
    source_goal: int | None
    """What stays on the source when it ends: above 0 where both carry a part of the load."""
    started: datetime | None
    step_since: datetime | None
    deadline: datetime | None
    reason: str | None
    message: str | None
    back_reason: str | None
    """Why it goes back, when it does."""
    target_base: int | None = field(metadata=UNSHOWN)
    reserved: Decimal | None = field(metadata=UNSHOWN)
    trial: str | None = field(metadata=UNSHOWN)
    """The AcceleratorTrial that asked for it, as NAME/UID."""
    share_percent: int | None
    """How far the requests are shifted, in percent; null where they do not come by a route."""
    asking: bool | None = field(metadata=UNSHOWN)
    """Whether nothing is made yet, since the target's autoscaler is asked for capacity before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastMove:
    """How a move ended."""

    source: str | None
    target: str | None
    target_revision: str | None
    time: datetime | None
    outcome: str | None
    """Moved, Explored or RolledBack."""
    reason: str | None
    kind: str | None = field(metadata=UNSHOWN)
    cost: Decimal | None = field(metadata=UNSHOWN)
    before: Bounds | None = field(metadata=UNSHOWN)
    """Money per unit until it was begun."""
    saved: Saved | None
    unit: str | None = field(metadata=UNSHOWN)
    trial: str | None = field(metadata=UNSHOWN)
    """The AcceleratorTrial that asked for it, as NAME/UID."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """A figure with its 95 % interval."""

    value: Decimal | None
    lower: Decimal | None
    upper: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved(Bounds):
    """What a move saved within a time, in money."""

    paid: Decimal | None
    good: int | None
    since: datetime | None
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """A pool and revision that failed; not tried again before `until`."""

    pool: str
    revision: str | None
    until: datetime | None
    failures: int | None
    reason: str | None


def move(status: Raw) -> Move | None:
    """The one under way."""
    raw = part(status, "move")
    if not raw:
        return None
    return Move(
        id=text(raw, "id"),
        kind=text(raw, "kind"),
        source=text(raw, "from"),
        target=text(raw, "to"),
        source_revision=text(raw, "fromRevision"),
        target_revision=text(raw, "toRevision"),
        step=text(raw, "step"),
        source_replicas=whole(raw, "sourceReplicas"),
        target_replicas=whole(raw, "targetReplicas"),
        target_goal=whole(raw, "targetGoal"),
        source_goal=whole(raw, "sourceGoal"),
        started=moment(raw, "startedTime"),
        step_since=moment(raw, "stepTime"),
        deadline=moment(raw, "deadlineTime"),
        reason=text(raw, "reason"),
        message=text(raw, "message"),
        back_reason=text(raw, "backReason"),
        target_base=whole(raw, "targetBase"),
        reserved=number(raw, "reserved"),
        trial=text(raw, "trial"),
        share_percent=whole(raw, "sharePercent"),
        asking=truth(raw, "asking"),
    )


def history(status: Raw) -> tuple[PastMove, ...]:
    """In the order of the status."""
    return tuple(
        PastMove(
            source=text(raw, "from"),
            target=text(raw, "to"),
            target_revision=text(raw, "toRevision"),
            time=moment(raw, "time"),
            outcome=text(raw, "outcome"),
            reason=text(raw, "reason"),
            kind=text(raw, "kind"),
            cost=number(raw, "cost"),
            before=_bounds(part(raw, "unitCostBefore")),
            saved=_saved(part(raw, "saved")),
            unit=text(raw, "unit"),
            trial=text(raw, "trial"),
        )
        for raw in parts(status, "history")
    )


def _bounds(raw: Raw) -> Bounds | None:
    return Bounds(value=number(raw, "value"), lower=number(raw, "lower"), upper=number(raw, "upper")) if raw else None


def _saved(raw: Raw) -> Saved | None:
    if not raw:
        return None
    return Saved(
        value=number(raw, "value"),
        lower=number(raw, "lower"),
        upper=number(raw, "upper"),
        paid=number(raw, "paid"),
        good=whole(raw, "good"),
        since=moment(raw, "from"),
        until=moment(raw, "to"),
    )


def quarantine(status: Raw) -> tuple[Quarantine, ...]:
    """In the order of the status."""
    return tuple(
        Quarantine(
            pool=text(raw, "pool") or "",
            revision=text(raw, "revision"),
            until=moment(raw, "until"),
            failures=whole(raw, "failures"),
            reason=text(raw, "reason"),
        )
        for raw in parts(status, "quarantine")
    )
