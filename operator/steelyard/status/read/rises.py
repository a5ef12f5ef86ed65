"""How the load of a workload rose, as its status says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from steelyard.status.raw import Raw
from steelyard.status.read.field import moment, part, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Rises:
    """Requests until then, and those of them before a rise, in the order of the status."""

    time: datetime | None
    requests: int | None
    risen: tuple[int, ...]


def rises(status: Raw) -> Rises:
    """Everything that it says of them."""
    raw = part(status, "rises")
    risen = raw.get("risen")
    told = risen if isinstance(risen, list) else []
    return Rises(
        time=moment(raw, "time"),
        requests=whole(raw, "requests"),
        risen=tuple(each for each in told if isinstance(each, int) and not isinstance(each, bool)),
    )
