"""One condition."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from steelyard.status.raw import Raw
from steelyard.status.read.field import moment, parts, text


@dataclass(frozen=True, slots=True)
class Condition:
    """`status` is True, False or Unknown, as a word."""

    type: str
    status: str
    reason: str | None
    message: str | None
    since: datetime | None


def conditions(status: Raw) -> tuple[Condition, ...]:
    """In the order of the status."""
    return tuple(
        Condition(
            text(raw, "type") or "",
            text(raw, "status") or "Unknown",
            text(raw, "reason"),
            text(raw, "message"),
            moment(raw, "lastTransitionTime"),
        )
        for raw in parts(status, "conditions")
    )
