"""What a run cost, missed and moved."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MOVE_STEPS = 120
"""Half an hour: replicas that go on one pool and come on another within it were moved."""


@dataclass(frozen=True, slots=True)
class Change:
    """Replicas of a pool that a policy added (positive) or removed."""

    step: int
    pool: int
    replicas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """cost: money for nodes, from their order to their end. missed: requests that were late or not answered; missed_in_outage: the part of
    them from when a replacement could be ready, None where there is no outage. starts: replicas ordered. moves: replicas that replaced another
    pool's. replicas: mean of each pool."""

    cost: float
    requests: int
    missed: int
    missed_in_outage: float | None
    starts: int
    moves: int
    days: float
    replicas: Mapping[str, float]

    @property
    def missed_part(self) -> float:
        """Of all requests."""
        return self.missed / max(1, self.requests)


def moves(changes: Sequence[Change]) -> int:
    """Replicas added on one pool that pair with a replica removed from another within MOVE_STEPS, whichever came first.

    Changes are in order of time. Each replica counts in one pair, the oldest that is left first.
    """
    waiting: dict[tuple[int, bool], deque[list[int]]] = defaultdict(deque)
    """By pool and whether they were added: [step, replicas not paired yet], the oldest first."""
    moved = 0
    for change in changes:
        added, left = change.replicas > 0, abs(change.replicas)
        others = [q for (pool, other_added), q in waiting.items() if pool != change.pool and other_added != added]
        for other in others:
            while other and other[0][0] < change.step - MOVE_STEPS:
                other.popleft()
        while left and any(others):
            oldest = min((q for q in others if q), key=lambda q: q[0][0])
            paired = min(left, oldest[0][1])
            moved, left = moved + paired, left - paired
            oldest[0][1] -= paired
            if not oldest[0][1]:
                oldest.popleft()
        if left:
            waiting[change.pool, added].append([change.step, left])
    return moved
