"""How long a place that failed is left alone."""

from __future__ import annotations

from datetime import timedelta

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Quarantine
from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.outcome import Outcome
from steelyard.core.vocabulary.reason import ASKED_IN_VAIN, STUCK, Reason

QUARANTINE_FIRST = timedelta(minutes=30)


QUARANTINE_MOST = timedelta(hours=24)
IN_VAIN_FIRST, IN_VAIN_MOST = timedelta(minutes=3), timedelta(minutes=30)
"""Nothing failed where there was no quota or no node, and to ask costs nothing: the pause only keeps replicas from coming and going with it."""


def quarantined(seen: Analysis, target: PlacementKey, reason: Reason) -> Quarantine:
    """The entry for a place that has failed; each failure doubles the time. What was asked for in vain is counted by itself: it is no failure."""
    in_vain = reason in ASKED_IN_VAIN
    first, most = (IN_VAIN_FIRST, IN_VAIN_MOST) if in_vain else (QUARANTINE_FIRST, QUARANTINE_MOST)
    here = (q for q in seen.snapshot.memory.quarantine if (q.pool, q.revision) == target)
    before = next((q for q in here if (q.reason in ASKED_IN_VAIN) == in_vain), None)
    failures = 1 + (before.failures if before else 0)
    length = min(most, first * 2 ** min(failures - 1, 10))
    return Quarantine(pool=target.pool, revision=target.revision, until=seen.now + length, failures=failures, reason=reason.value)


def of_the_decision(seen: Analysis, outcome: Outcome) -> Quarantine | None:
    """What the outcome itself puts in quarantine, or a place that it lets go of whose pods wait for an image, a Secret or a container that somebody has
    to mend: by its price alone it would be gone back to at the next look."""
    if outcome.quarantine is not None:
        return outcome.quarantine
    for placement in seen.members:
        why, let_go = placement.trouble, placement.ready == 0 < placement.desired and not outcome.allocation.get(placement.key)
        if let_go and why is not None and why.reason in STUCK and not seen.is_quarantined(placement.key):
            return quarantined(seen, placement.key, why.reason)
    return None
