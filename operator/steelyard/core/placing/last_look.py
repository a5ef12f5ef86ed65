"""What was decided on last: the same facts, decided on again a few seconds later, give the same answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.snapshot import Snapshot, Traffic
from steelyard.core.vocabulary.reading import Fresh, Reading

_WHENEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LastLook:
    """until: before when the decision on these facts stands while they are the same (`Decision.stands_until`)."""

    snapshot: Snapshot
    until: datetime

    def says_all_of(self, snapshot: Snapshot, now: datetime) -> bool:
        """Whether the decision stands: nothing differs but the moments at which readings were true."""
        if now >= self.until or _values(snapshot) != _values(self.snapshot):
            return False
        return replace(snapshot, traffic={}) == replace(self.snapshot, traffic={})


def _values(snapshot: Snapshot) -> Mapping[PlacementKey, Reading[Traffic]]:
    return {key: replace(told, at=_WHENEVER) if isinstance(told, Fresh) else told for key, told in snapshot.traffic.items()}
