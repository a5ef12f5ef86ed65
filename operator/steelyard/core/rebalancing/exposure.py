"""How many replicas of a move's target join at a time: the part of the requests that goes there grows from one replica's to a quarter, a half, and all,
each time after it has been held against the promise. Those are the steps of a route with weights (design section 9), in whole replicas."""

from __future__ import annotations

from math import floor

PARTS = (0.25, 0.5)
"""Of the requests, that the target gets at most before it gets what it needs."""


def joined(there: int, beside: int, goal: int, *, proven: bool = False) -> int:
    """Replicas of the target after the next step, of `there` that have passed; `goal` at most. beside: those of all others, which share the load.
    proven: whether it has served there lately (`bake.is_proven`), so that one shows that it still does."""
    if there <= 0:
        return min(1, goal)
    parts = (floor(p * beside / (1 - p)) for p in (() if proven else PARTS))
    return min(goal, max(there + 1, next((count for count in parts if count > there), goal)))


def steps(beside: int, goal: int, *, proven: bool = False) -> int:
    """How many of them it takes to all of `goal` replicas."""
    taken, there = 0, 0
    while there < goal:
        taken, there = taken + 1, joined(there, beside, goal, proven=proven)
    return taken
