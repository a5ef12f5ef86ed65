"""What was decided, in one word."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """Of one look at a workload."""

    PLACE = "Place"
    """Replicas are put where something is missing."""
    MOVE = "Move"
    """A move begins or goes on."""
    DONE = "Done"
    """A move has ended."""
    STAY = "Stay"
    """What stands is right."""
    HOLD = "Hold"
    """Nothing voluntary is done: an input is missing, or a person stopped it."""
    WAIT = "Wait"
    """What is needed comes by itself."""
