"""A Kubernetes Event: what was told of an object, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from steelyard.cli.facts.plain import cleaned
from steelyard.status.raw import Raw
from steelyard.status.read.field import moment, part, text, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Null where it is not told."""

    time: datetime | None
    """When it was last seen."""
    type: str | None
    """Normal or Warning."""
    reason: str | None
    message: str | None
    count: int
    """How often it was seen."""


def event(raw: Raw) -> Event:
    """From the raw object of core/v1, whichever of its APIs wrote it: those of a series tell the last time there."""
    raw = cleaned(raw)
    series = part(raw, "series")
    times = (moment(series, "lastObservedTime"), moment(raw, "lastTimestamp"), moment(raw, "eventTime"), moment(raw, "firstTimestamp"))
    return Event(
        time=next((time for time in times if time is not None), moment(part(raw, "metadata"), "creationTimestamp")),
        type=text(raw, "type"),
        reason=text(raw, "reason"),
        message=text(raw, "message"),
        count=max(whole(series, "count") or whole(raw, "count") or 1, 1),
    )


def newest_first(raws: tuple[Raw, ...]) -> tuple[Event, ...]:
    """Those without a time last."""
    return tuple(sorted(map(event, raws), key=lambda one: (one.time.timestamp() if one.time else 0.0, one.message or ""), reverse=True))
