"""What was decided on last: the same facts, decided on again a few seconds later, give the same answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.snapshot import Pool, Snapshot, Traffic
from steelyard.core.placing.decision import Decision
from steelyard.core.planning.option import Room
from steelyard.core.rebalancing.at_once import in_all, in_namespace
from steelyard.core.vocabulary.reading import Fresh, Reading

_IN_POOL = attrgetter(*(each.name for each in fields(Pool) if each.name != "held_nodes"))
_IN_SNAPSHOT = attrgetter(
    *(each.name for each in fields(Snapshot) if each.name not in {"traffic", "pools", "workloads", "workloads_in_namespace"})
)
"""All but what is compared by itself."""
_WHENEVER = datetime(1970, 1, 1, tzinfo=UTC)
KEPT = 10_000
"""Different rooms. Those of a fleet are few, and each workload has one for every pool."""


@dataclass(frozen=True, slots=True)
class LastLook:
    """until: before when the decision on these facts stands while they are the same (`Decision.stands_until`). rooms: in the order of the
    snapshot's pools."""

    snapshot: Snapshot
    until: datetime
    rooms: tuple[Room, ...]

    @classmethod
    def of(cls, snapshot: Snapshot, decision: Decision) -> LastLook:
        """At what was decided on."""
        rooms = {option.pool: _once(option.space) for option in decision.options}
        return cls(snapshot, decision.stands_until, tuple(rooms[pool.name] for pool in snapshot.pools))

    def says_all_of(self, snapshot: Snapshot, now: datetime) -> bool:
        """Whether the decision stands: nothing differs but the moments at which readings were true, and what others hold and how many they are
        where it leaves this workload the same."""
        if now >= self.until or _values(snapshot) != _values(self.snapshot):
            return False
        return _facts(snapshot) == _facts(self.snapshot) and self._has_the_same_pools(snapshot)

    def _has_the_same_pools(self, snapshot: Snapshot) -> bool:
        before = self.snapshot.pools
        return len(before) == len(snapshot.pools) and all(map(_leaves_the_same, before, snapshot.pools, self.rooms))


@lru_cache(KEPT)
def _once(room: Room) -> Room:
    """The same object for the same room."""
    return room


def _leaves_the_same(before: Pool, now: Pool, room: Room) -> bool:
    if before is now:
        return True
    return room.beside(before.held_nodes) == room.beside(now.held_nodes) and _IN_POOL(now) == _IN_POOL(before)


def _facts(snapshot: Snapshot) -> tuple[tuple[object, ...], int, int]:
    limit, workloads = snapshot.settings.moves_at_once, snapshot.workloads
    return _IN_SNAPSHOT(snapshot), in_all(limit, workloads), in_namespace(limit, workloads, snapshot.workloads_in_namespace)


def _values(snapshot: Snapshot) -> Mapping[PlacementKey, Reading[Traffic]]:
    return {key: replace(told, at=_WHENEVER) if isinstance(told, Fresh) else told for key, told in snapshot.traffic.items()}
