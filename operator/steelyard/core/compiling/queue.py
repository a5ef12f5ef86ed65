"""Whose compile begins next where only so many may run: each place goes to the namespace that holds fewest, and namespaces take turns.

Everybody who waits works out the same order from the same facts, so that no two take one place, and none is left over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class Waiter:
    """A CompiledModel whose Job would be made now if it had a place, and since when that is so."""

    since: datetime
    namespace: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileQueue:
    """The compile Jobs of the installation on nodes of one kind.

    `running` counts Jobs that hold a place, by namespace. `stuck` counts those whose pod does not come to run, such as one that a quota
    refuses: they hold a place of their own namespace's and of nobody else's. `served` is when a namespace last got a place, `waiting` is who
    asks for one.
    """

    running: Mapping[str, int] = field(default_factory=dict)
    stuck: Mapping[str, int] = field(default_factory=dict)
    served: Mapping[str, datetime] = field(default_factory=dict)
    waiting: tuple[Waiter, ...] = ()

    def taken(self, namespace: str) -> int:
        """Places that a compile of this namespace finds taken."""
        return sum(self.running.values()) + self.stuck.get(namespace, 0)

    def admits(self, one: Waiter, places: int) -> bool:
        """Whether it gets one of the places that are free."""
        held = {namespace: self.running.get(namespace, 0) + self.stuck.get(namespace, 0) for namespace in {*self.running, *self.stuck}}
        total, rest = sum(self.running.values()), {one, *self.waiting}
        while total < places:
            able = [w for w in rest if total + self.stuck.get(w.namespace, 0) < places]
            if not able:
                return False
            first = min(able, key=lambda w: (held.get(w.namespace, 0), self.served.get(w.namespace, LONG_AGO), w))
            if first == one:
                return True
            rest.discard(first)
            held[first.namespace] = held.get(first.namespace, 0) + 1
            total += 1
        return False
