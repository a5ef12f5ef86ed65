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

    def __str__(self) -> str:
        """As people read it: what the money is for."""
        return {Unit.GOOD_REQUESTS: "1,000 good requests", Unit.OUTPUT_TOKENS: "1M output tokens", Unit.INPUT_TOKENS: "1M input tokens"}[
            self
        ]


@dataclass(frozen=True, slots=True)
class TokenCost:
    """Money per 1M tokens of one kind: all of the money over the `tokens` of that kind that good requests had."""

    interval: Interval
    tokens: int


@dataclass(frozen=True, slots=True)
class UnitCost:
    """Money per 1,000 good requests over [start, end], from `good` good requests and `cost` money.

    `replicas` is how many stood there, the same number in every window; None where that is not known or the number changed. `output`, `input`:
    the same money over tokens, None where they are not told. They are two views of it, and must not be added. `cached`: how many of the input
    tokens a prefix cache kept.
    """

    interval: Interval
    good: int
    cost: float
    start: datetime
    end: datetime
    replicas: int | None = None
    output: TokenCost | None = None
    input: TokenCost | None = None
    cached: int | None = None

    def by(self, unit: Unit) -> Interval | None:
        """Money per unit; None where that is not known."""
        of_tokens = self.output if unit is Unit.OUTPUT_TOKENS else self.input
        return self.interval if unit is Unit.GOOD_REQUESTS else of_tokens.interval if of_tokens is not None else None
