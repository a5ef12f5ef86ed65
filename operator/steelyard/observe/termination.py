"""The final counters that a serving container leaves in its termination message."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from steelyard.observe.failure import Reason, RejectedError
from steelyard.observe.on_page import MOST
from steelyard.observe.sample import Tally

LIMIT = 4096
"""Bytes; the kubelet keeps no more."""


@dataclass(frozen=True, slots=True)
class Final:
    """All that one process ever counted; `start` in Unix seconds by its own clock tells which process."""

    start: float
    tally: Tally


def final(message: str) -> Final | None:
    """None for a message that speaks of something else (an error text); RejectedError for a `final` that cannot be believed."""
    if not message.lstrip().startswith("{") or '"final"' not in message:
        return None
    if len(message.encode()) > LIMIT:
        raise RejectedError(Reason.TERMINATION, "is longer than the kubelet keeps")
    try:
        document = json.loads(message)
        said = document["final"]
        requests = said["requests"]
        start = datetime.fromisoformat(said["startedAt"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise RejectedError(Reason.TERMINATION, "is not the JSON of final counters") from error
    if start.tzinfo is None or not isinstance(requests, dict):
        raise RejectedError(Reason.TERMINATION, "has no start with a time zone or no requests")
    good, slow, failed, shed = (_count(requests.get(outcome)) for outcome in ("good", "slow", "error", "shed"))
    return Final(start.timestamp(), Tally(good, slow, failed, shed))


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST:
        raise RejectedError(Reason.TERMINATION, "has a count that is missing or not a whole number")
    return value
