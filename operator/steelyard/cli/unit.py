"""What is counted: each unit as the head of a column has it, as a sentence has it, and how many of it a cost is for."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit in words."""

    head: str
    counted: str
    many: Decimal

    @property
    def whole(self) -> str:
        """As many as a cost is for: 1,000 good requests."""
        return f"{self.many:,} {self.counted}" if self.many < 1_000_000 else f"{self.many / 1_000_000:f}M {self.counted}"


REQUESTS = "Requests"
GOOD = Unit("1K GOOD", "good requests", Decimal(1000))
UNITS = {
    "OutputTokens": Unit("1M OUT", "output tokens", Decimal(1_000_000)),
    "InputTokens": Unit("1M IN", "input tokens", Decimal(1_000_000)),
    REQUESTS: Unit("1K", "requests", Decimal(1000)),
}
"""By the word of spec.objective.unit, and all requests, good or not; good requests else."""

COUNTED = ("GoodRequests", "OutputTokens", "InputTokens")
"""The words of spec.objective.unit."""


def unit_of(word: str | None) -> Unit:
    """The unit of that word."""
    return UNITS.get(word or "", GOOD)
