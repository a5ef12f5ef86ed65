"""What was decided on last: the same facts, decided on again a few seconds later, give the same answer; so do windows that show what was reckoned
with, for a while."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import lru_cache
from operator import attrgetter

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.snapshot import Pool, Snapshot, Traffic
from steelyard.core.facts.window import Window
from steelyard.core.facts.window_table import WindowTable
from steelyard.core.placing.decision import Decision
from steelyard.core.placing.reckoned import Reckoned
from steelyard.core.planning.option import Room
from steelyard.core.rebalancing.at_once import in_all, in_namespace
from steelyard.core.vocabulary.reading import Fresh, Reading

_IN_POOL = attrgetter(*(each.name for each in fields(Pool) if each.name != "held_nodes"))
_IN_SNAPSHOT = attrgetter(
    *(each.name for each in fields(Snapshot) if each.name not in {"traffic", "pools", "workloads", "workloads_in_namespace"})
)
"""All but what is compared by itself."""
KEPT = 10_000
"""Different rooms. Those of a fleet are few, and each workload has one for every pool."""


@dataclass(frozen=True, slots=True)
class LastLook:
    """until: before when the decision on these facts stands while nothing is news (`Decision.stands_until`). rooms: in the order of the snapshot's
    pools. reckoned: what it reckoned with when it was made, found once a window came."""

    snapshot: Snapshot
    until: datetime
    rooms: tuple[Room, ...]
    reckoned: Mapping[PlacementKey, Reckoned | None] | None = None

    @classmethod
    def of(cls, snapshot: Snapshot, decision: Decision) -> LastLook:
        """At what was decided on."""
        rooms = {option.pool: _once(option.space) for option in decision.options}
        return cls(snapshot, decision.stands_until, tuple(rooms[pool.name] for pool in snapshot.pools))

    def goes_on(self, snapshot: Snapshot, now: datetime) -> LastLook | None:
        """What to compare the next look with, where the decision stands; None where it is to be made again."""
        if self.says_all_of(snapshot, now):
            return self
        came = _came(self.snapshot, snapshot)
        if now >= self.until or came is None or not self._rests_on_the_same(snapshot):
            return None
        reckoned, allowed = self.reckoned or _reckoned(self.snapshot), snapshot.workload.allowed
        for key, windows in came.items():
            mine = reckoned[key]
            if windows and (mine is None or not all(mine.is_shown_by(window, allowed) for window in windows)):
                return None
        return replace(self, snapshot=snapshot, reckoned=reckoned)

    def says_all_of(self, snapshot: Snapshot, now: datetime) -> bool:
        """Whether the facts are the same, and their time has not come: nothing differs but the moments at which readings were true, and what others
        hold and how many they are where it leaves this workload the same."""
        return now < self.until and _tell_the_same(self.snapshot, snapshot) and self._rests_on_the_same(snapshot)

    def _rests_on_the_same(self, snapshot: Snapshot) -> bool:
        """All but readings."""
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


def _tell_the_same(before: Snapshot, now: Snapshot) -> bool:
    """Whether readings do, whenever they were true."""
    return before.traffic.keys() == now.traffic.keys() and all(
        told.value == again.value if isinstance(told, Fresh) and isinstance(again := now.traffic[key], Fresh) else told == now.traffic[key]
        for key, told in before.traffic.items()
    )


def _came(before: Snapshot, now: Snapshot) -> Mapping[PlacementKey, Sequence[Window]] | None:
    """The windows of each placement that were not there before; None where anything else was read of any of them."""
    if before.traffic.keys() != now.traffic.keys():
        return None
    came = {key: _behind(before.traffic[key], now.traffic[key]) for key in now.traffic}
    found = {key: windows for key, windows in came.items() if windows is not None}
    return found if len(found) == len(came) else None


def _behind(before: Reading[Traffic], now: Reading[Traffic]) -> Sequence[Window] | None:
    if not isinstance(before, Fresh) or not isinstance(now, Fresh):
        return () if before == now else None
    return WindowTable.of(now.value.windows).behind(WindowTable.of(before.value.windows))


def _reckoned(snapshot: Snapshot) -> Mapping[PlacementKey, Reckoned | None]:
    return {key: Reckoned.of(told.value.windows) if isinstance(told, Fresh) else None for key, told in snapshot.traffic.items()}
