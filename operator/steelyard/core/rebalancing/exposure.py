"""How many replicas of a move's target join at a time, and how many of its source leave.

The part of the requests that goes to the target grows from one replica's to a quarter, a half, and all, each time after it has been held against the
promise. Those are the steps of a route with weights (design section 9), in whole replicas. Once it is proven, what leaves makes each step's part of a
replica a third larger at most.
"""

from __future__ import annotations

from math import ceil, floor

PARTS = (0.25, 0.5)
"""Of the requests, that the target gets at most before it gets what it needs."""


STAYING = 0.75
"""Part of the replicas that stay in a step of a drain: as one of four leaves."""


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


def left(source: int, beside: int) -> int:
    """Replicas of the source after the next step of a drain: three quarters of all stay, and one less of the source at least. beside: those of all others,
    which share the load."""
    return max(0, min(source - 1, ceil(STAYING * (source + beside)) - beside))


def drains(source: int, beside: int) -> int:
    """How many steps it takes to none of them."""
    taken = 0
    while source > 0:
        taken, source = taken + 1, left(source, beside)
    return taken
