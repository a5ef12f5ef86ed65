"""How long a place that failed is left alone."""

from __future__ import annotations

from datetime import timedelta

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Quarantine
from steelyard.core.placing.analysis import Analysis
from steelyard.core.vocabulary.reason import Reason

QUARANTINE_FIRST = timedelta(minutes=30)


QUARANTINE_MOST = timedelta(hours=24)


def quarantined(seen: Analysis, target: PlacementKey, reason: Reason) -> Quarantine:
    """The entry for a place that has failed; each failure doubles the time."""
    before = next((q for q in seen.snapshot.memory.quarantine if (q.pool, q.revision) == target), None)
    failures = 1 + (before.failures if before else 0)
    length = min(QUARANTINE_MOST, QUARANTINE_FIRST * 2 ** min(failures - 1, 10))
    return Quarantine(pool=target.pool, revision=target.revision, until=seen.now + length, failures=failures, reason=reason.value)
