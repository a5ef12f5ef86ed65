"""What a move asks the cluster's autoscaler for before anything is paid, and what was answered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Ask(StrEnum):
    """How a pool's autoscaler is asked."""

    CHECK_CAPACITY = "CheckCapacity"
    """Whether there is room on the nodes that stand; it is kept for a while."""
    ATOMIC_SCALE_UP = "AtomicScaleUp"
    """For nodes, all of them or none."""


class Answer(StrEnum):
    """To one request."""

    AWAITED = "Awaited"
    GIVEN = "Given"
    REFUSED = "Refused"
    OVER = "Over"
    """It was given, and is not kept any more."""


@dataclass(frozen=True, slots=True)
class CapacityRequest:
    """`said`: as a sentence, with the autoscaler's own words where it has any."""

    answer: Answer = Answer.AWAITED
    said: str = ""
