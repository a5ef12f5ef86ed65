"""What one good request, or a million tokens, was measured to cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from steelyard.core.statistics.interval import Interval

PER = 1000
"""Good requests in a unit."""
PER_TOKENS = 1_000_000


class Unit(StrEnum):
    """What a cost is counted by (`spec.objective.unit`)."""

    GOOD_REQUESTS = "GoodRequests"
    """1,000 good requests."""
    OUTPUT_TOKENS = "OutputTokens"
    """1M generated tokens of good requests."""
    INPUT_TOKENS = "InputTokens"
    """1M prompt tokens of good requests."""

    @property
    def per(self) -> int:
        """How many make one unit."""
        return PER if self is Unit.GOOD_REQUESTS else PER_TOKENS


@dataclass(frozen=True, slots=True)
class UnitCost:
    """Money per unit over [start, end], from `good` good requests and `cost` money.

    `replicas` is how many stood there, the same number in every window; None where that is not known or the number changed. Of a unit of
    tokens `tokens` is how many there were, `cost` the part of the money that they are charged, `split` whether that is a part or the whole,
    and `input_per_output` the mix without which a whole says nothing.
    """

    interval: Interval
    good: int
    cost: float
    start: datetime
    end: datetime
    replicas: int | None = None
    unit: Unit = Unit.GOOD_REQUESTS
    tokens: int | None = None
    split: bool = False
    input_per_output: float | None = None
