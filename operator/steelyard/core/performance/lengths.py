"""How long the requests of a token model are: what decides, beside the load, how long they take and what they cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import log

from steelyard.core.facts.unit_cost import PER
from steelyard.core.statistics.interval import Interval

MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """Mean tokens of a request: its prompt and its output. From counters: growth of tokens over growth of requests."""

    prompt: float
    output: float

    def away(self, seen: Iterable[Lengths]) -> float:
        """How far from the nearest of those seen: a sum of logarithms of ratios."""
        return min(abs(log(self.prompt / each.prompt)) + abs(log(self.output / each.output)) for each in seen)


def cost_of_good_requests(cost_per_hour: float, capacity: Interval) -> Interval:
    """Money per 1,000 good requests on a replica that costs `cost_per_hour` and carries its capacity (requests per second, above 0)."""
    point, lower, upper = (PER * cost_per_hour / (3600 * rate) for rate in (capacity.point, capacity.upper, capacity.lower))
    return Interval(point, lower, upper)


def cost_of_tokens(good_requests: Interval, tokens: float) -> Interval:
    """Money per 1M tokens, from money per 1,000 good requests of `tokens` (prompt or output) each: the whole cost over either."""
    return good_requests.times(MILLION / (PER * tokens))
