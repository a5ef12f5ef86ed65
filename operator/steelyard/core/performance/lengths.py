"""How long the requests of a token model are: what decides, beside the load, how long they take and what they cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import log


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """Mean tokens of a request: its prompt and its output. From counters: growth of tokens over growth of requests."""

    prompt: float
    output: float

    def away(self, seen: Iterable[Lengths]) -> float:
        """How far from the nearest of those seen: a sum of logarithms of ratios."""
        return min(abs(log(self.prompt / each.prompt)) + abs(log(self.output / each.output)) for each in seen)
