"""What was decided on last: the same facts, decided on again a few seconds later, give the same answer; windows that show what was expected are no
news for a while."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import lru_cache
from operator import attrgetter

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Memory
from steelyard.core.facts.snapshot import Pool, Snapshot, Traffic
from steelyard.core.facts.window import Window
from steelyard.core.facts.window_table import WindowTable
from steelyard.core.placing.decision import Decision
from steelyard.core.placing.expected import Expected
from steelyard.core.planning.option import Room
from steelyard.core.rebalancing.at_once import in_all, in_namespace
from steelyard.core.vocabulary.reading import Fresh, Reading

_IN_POOL = attrgetter(*(each.name for each in fields(Pool) if each.name != "held_nodes"))
_IN_SNAPSHOT = attrgetter(
    *(each.name for each in fields(Snapshot) if each.name not in {"traffic", "pools", "memory", "workloads", "workloads_in_namespace"})
)
"""All but what is compared by itself."""
KEPT = 10_000
"""Different rooms. Those of a fleet are few, and each workload has one for every pool."""


@dataclass(frozen=True, slots=True)
class LastLook:
    """until: before when the decision on these facts stands while nothing is news (`Decision.stands_until`). rooms: in the order of the snapshot's
    pools."""

    snapshot: Snapshot
    until: datetime
    rooms: tuple[Room, ...]

    @classmethod
    def of(cls, snapshot: Snapshot, decision: Decision) -> LastLook:
        """At what was decided on, with what is remembered since: decided on that again the answer would be the same."""
        rooms = {option.pool: _once(option.space) for option in decision.options}
        seen = replace(snapshot, memory=decision.memory.unexplained)
        return cls(seen, decision.stands_until, tuple(rooms[pool.name] for pool in snapshot.pools))

    def goes_on(self, snapshot: Snapshot, now: datetime) -> LastLook | None:
        """What to compare the next look with, where the decision stands; None where it is to be made again. Nothing may differ but the moments at which
        readings were true, what others hold and how many they are where it leaves this workload the same, and windows that were expected."""
        came = _came(self.snapshot, snapshot) if now < self.until else None
        if came is None or _facts(snapshot) != _facts(self.snapshot) or not self._has_the_same_pools(snapshot):
            return None
        if not any(came.values()):
            return self
        allowed = snapshot.workload.allowed
        if not all(_is_as_expected(self.snapshot.traffic[key], windows, allowed) for key, windows in came.items()):
            return None
        # From now on the newer windows are compared with, so that the older ones take no memory.
        return replace(self, snapshot=snapshot)

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


def _facts(snapshot: Snapshot) -> tuple[tuple[object, ...], Memory, int, int]:
    limit, workloads = snapshot.settings.moves_at_once, snapshot.workloads
    return (
        _IN_SNAPSHOT(snapshot),
        snapshot.memory.unexplained,
        in_all(limit, workloads),
        in_namespace(limit, workloads, snapshot.workloads_in_namespace),
    )


def _came(before: Snapshot, now: Snapshot) -> Mapping[PlacementKey, Sequence[Window]] | None:
    """The windows of each placement that were not there before; None where anything else was read of any of them."""
    if before.traffic.keys() != now.traffic.keys():
        return None
    came = dict[PlacementKey, Sequence[Window]]()
    for key, told in before.traffic.items():
        found = _behind(told, now.traffic[key])
        if found is None:
            return None
        came[key] = found
    return came


def _behind(before: Reading[Traffic], now: Reading[Traffic]) -> Sequence[Window] | None:
    if not isinstance(before, Fresh) or not isinstance(now, Fresh):
        return () if before == now else None
    if before.value == now.value:
        return ()
    return WindowTable.of(now.value.windows).behind(WindowTable.of(before.value.windows)) or None


def _is_as_expected(before: Reading[Traffic], came: Sequence[Window], allowed: float) -> bool:
    if not came or not isinstance(before, Fresh):
        return not came
    expected = Expected.after(before.value.windows)
    return expected is not None and all(expected.is_met_by(window, allowed) for window in came)
