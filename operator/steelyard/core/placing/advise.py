"""A server that exists already is its owner's: nothing of it is changed. What keeps it from being measured is said, or what would be cheaper."""

from __future__ import annotations

from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.explore import explore
from steelyard.core.placing.improve import improve
from steelyard.core.placing.outcome import Outcome
from steelyard.core.vocabulary.reason import HOLDS, Reason, Refusal


def advise(seen: Analysis) -> Outcome:
    """The replicas stay as they are found."""
    found, existing = seen.snapshot.found, seen.snapshot.workload.existing
    if found is None:
        return Outcome.wait(seen.allocation, Refusal(Reason.WAITING, f"{existing} is being looked at for the first time"))
    if found.refusal is not None:
        stays = Outcome.hold if found.refusal.reason in HOLDS else Outcome.wait
        return stays(seen.allocation, found.refusal)
    return explore(seen, improve(seen))
