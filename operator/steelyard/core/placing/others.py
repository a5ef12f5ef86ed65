"""What holds a part of the load beside the two ends of a move."""

from __future__ import annotations

from dataclasses import dataclass

from steelyard.core.facts.memory import Move
from steelyard.core.placing.analysis import Analysis


@dataclass(frozen=True, slots=True)
class Others:
    """Ready replicas, and the smallest capacity among them (requests per second and replica); the mean of theirs where requests come by weights.
    Replicas whose capacity is not known are not counted: nothing that serves is taken away because of what they might carry."""

    ready: int
    capacity: float | None


def others_of(seen: Analysis, move: Move) -> Others:
    """Of the move under way."""
    rest = [p for p in seen.members if p.key not in {move.source, move.target} and p.ready > 0]
    known = [(p.ready, capacity) for p in rest if (capacity := seen.capacity(p.key))]
    count = sum(ready for ready, _ in known)
    if seen.snapshot.weighted and count:
        return Others(count, sum(ready * capacity for ready, capacity in known) / count)
    return Others(count, min((capacity for _, capacity in known), default=None))
