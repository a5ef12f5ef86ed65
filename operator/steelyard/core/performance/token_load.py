"""What a token server told of one load: from counters between two scrapes, never from single requests."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from steelyard.core.performance.lengths import Lengths


class TokenMetric(StrEnum):
    """What a latency promise of a token model speaks of."""

    TTFT = "ttft"
    ITL = "itl"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLoad:
    """What one replica showed at one load. Seconds: `itl` the mean over tokens, `ttft` over requests, None where it is not told.

    rate: requests per second. batch: 0 where requests arrived one by one; else that many came at once, to an idle server, and the next
    after them.
    """

    rate: float
    requests: int
    lengths: Lengths
    itl: float
    ttft: float | None
    batch: int = 0

    def mean(self, metric: TokenMetric) -> float | None:
        """Seconds of the metric."""
        return self.itl if metric is TokenMetric.ITL else self.ttft
