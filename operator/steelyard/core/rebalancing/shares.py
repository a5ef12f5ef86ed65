"""How a move shifts requests where a route has weights: the target gets 1, 5, 25, 50 and 100 percent of what the move is to bring there, each after what
was sent before has been held against the promise. The source keeps its replicas meanwhile, so that going back is one write."""

from __future__ import annotations

from math import ceil

from steelyard.core.planning.weights import SAFE

STEPS = (1, 5, 25, 50, 100)
"""Percent of the way from the weights before the move to those after it."""
WHOLE = STEPS[-1]
FIRST_LOOK = 5
"""Up to this share a window without a failure is enough: it shows what is broken, and is too small a part of the requests for a verdict."""
COMPARED = 50
"""The largest share at which both ends serve: what is to be known of the cost by then is known there, or not at all."""


def next_share(share: int, *, proven: bool = False) -> int:
    """The share after the one that has passed. proven: whether the target has served outside of a move lately, so that half of the way is tried at
    once."""
    if proven and share < COMPARED:
        return COMPARED
    return next((step for step in STEPS if step > share), WHOLE)


def share_of(part: float) -> int:
    """The largest share but the whole that is no more than that part of all requests: what a trial's target keeps where it becomes that of a move."""
    return max((step for step in STEPS[:-1] if step <= 100 * part), default=STEPS[0])


def replicas_at(share: int, goal: int, load: float, capacity: float | None) -> int:
    """Replicas of the target that serve its share of `load` (requests per second) and none more than SAFE of its capacity (per replica); without one
    that part of its goal. At the whole share it is the goal, in which sizing has its own reserve."""
    if share >= WHOLE:
        return goal
    part = share / 100
    return max(1, min(goal, ceil(part * load / (SAFE * capacity)) if capacity else ceil(part * goal)))
