"""How long a place that failed is left alone."""

from __future__ import annotations

from datetime import timedelta

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Quarantine
from steelyard.core.placing.analysis import Analysis
from steelyard.core.vocabulary.reason import Reason

QUARANTINE_FIRST = timedelta(minutes=30)


QUARANTINE_MOST = timedelta(hours=24)
NO_QUOTA_FIRST, NO_QUOTA_MOST = timedelta(minutes=3), timedelta(minutes=30)
"""Nothing failed where there was no quota, and to ask for it costs nothing: the pause only keeps replicas from coming and going with it."""


def quarantined(seen: Analysis, target: PlacementKey, reason: Reason) -> Quarantine:
    """The entry for a place that has failed; each failure doubles the time. Want of quota is counted by itself: it is no failure."""
    no_quota = reason is Reason.WAITING_FOR_QUOTA
    first, most = (NO_QUOTA_FIRST, NO_QUOTA_MOST) if no_quota else (QUARANTINE_FIRST, QUARANTINE_MOST)
    before = next((q for q in seen.snapshot.memory.quarantine if (q.pool, q.revision) == target and _of_quota(q) == no_quota), None)
    failures = 1 + (before.failures if before else 0)
    length = min(most, first * 2 ** min(failures - 1, 10))
    return Quarantine(pool=target.pool, revision=target.revision, until=seen.now + length, failures=failures, reason=reason.value)


def _of_quota(entry: Quarantine) -> bool:
    return entry.reason == str(Reason.WAITING_FOR_QUOTA)
