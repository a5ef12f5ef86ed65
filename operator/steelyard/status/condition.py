"""Conditions of a status."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from steelyard.core.vocabulary.condition import Condition
from steelyard.status.raw import Raw
from steelyard.status.scalar import time_text


def written_condition(condition: Condition, generation: int, old: Mapping[str, Any], now: datetime) -> Raw:
    """As it is written over the `old` status: with its old time for as long as it stays true, false or unknown."""
    status = {True: "True", False: "False", None: "Unknown"}[condition.status]
    before: Raw | None = next((c for c in old.get("conditions") or () if c.get("type") == condition.type.value), None)
    if condition.awaited and before is not None and before.get("observedGeneration") == generation:
        return before
    since = before["lastTransitionTime"] if before and before.get("status") == status else time_text(now)
    return {
        "type": condition.type.value,
        "status": status,
        "observedGeneration": generation,
        "lastTransitionTime": since,
        "reason": condition.reason.value,
        "message": condition.message[:1024],
    }
