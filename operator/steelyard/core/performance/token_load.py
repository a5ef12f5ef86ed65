"""What a token server told of one load: from counters and bucket counts between two scrapes, never from single requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import log

from steelyard.core.performance.lengths import Lengths
from steelyard.core.statistics.histogram import Buckets, added, quantile

SAME_LOAD = 0.15
"""Width in logarithms of what counts as one load and one length: such windows are added up."""


class TokenMetric(StrEnum):
    """What a latency promise of a token model speaks of."""

    TTFT = "ttft"
    ITL = "itl"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenWindow:
    """Growth of a placement's counters: requests and their tokens, TTFT summed over requests, ITL summed over `gaps` between tokens."""

    replica_seconds: float
    requests: int
    prompt_tokens: int
    output_tokens: int
    ttft_seconds: float
    itl_seconds: float
    gaps: int
    ttft: Buckets | None = None
    itl: Buckets | None = None

    def __add__(self, other: TokenWindow) -> TokenWindow:
        """Both together."""
        return TokenWindow(
            replica_seconds=self.replica_seconds + other.replica_seconds,
            requests=self.requests + other.requests,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            ttft_seconds=self.ttft_seconds + other.ttft_seconds,
            itl_seconds=self.itl_seconds + other.itl_seconds,
            gaps=self.gaps + other.gaps,
            ttft=added(self.ttft, other.ttft),
            itl=added(self.itl, other.itl),
        )

    @property
    def told(self) -> bool:
        """Whether there is a load with lengths and a time between tokens in it."""
        return min(self.replica_seconds, self.requests, self.prompt_tokens, self.output_tokens, self.itl_seconds, self.gaps) > 0

    @property
    def lengths(self) -> Lengths:
        """Mean tokens of a request."""
        return Lengths(prompt=self.prompt_tokens / self.requests, output=self.output_tokens / self.requests)

    @property
    def rate(self) -> float:
        """Requests per second and replica."""
        return self.requests / self.replica_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLoad:
    """What one replica showed at one load. Seconds: `itl` the mean over tokens, `ttft` over requests, None where it is not told.

    rate: requests per second. batch: 0 where requests arrived one by one; else that many came at once, to an idle server, and the next
    after them. tails: quantiles at the promised percent, in seconds, by metric.
    """

    rate: float
    requests: int
    lengths: Lengths
    itl: float
    ttft: float | None
    batch: int = 0
    tails: Mapping[TokenMetric, float] = field(default_factory=dict)

    def mean(self, metric: TokenMetric) -> float | None:
        """Seconds of the metric."""
        return self.itl if metric is TokenMetric.ITL else self.ttft


def token_loads(windows: Sequence[TokenWindow], percent: float) -> tuple[TokenLoad, ...]:
    """Windows of about the same load and lengths as one, and its quantiles at `percent`. Windows that tell too little count for nothing."""
    sums: dict[tuple[int, ...], TokenWindow] = {}
    for window in windows:
        if window.told:
            lengths = window.lengths
            key = tuple(round(log(figure) / SAME_LOAD) for figure in (window.rate, lengths.prompt, lengths.output))
            sums[key] = sums[key] + window if key in sums else window
    return tuple(_load(sums[key], percent / 100) for key in sorted(sums))


def _load(window: TokenWindow, share: float) -> TokenLoad:
    tails = {TokenMetric.TTFT: quantile(window.ttft, share), TokenMetric.ITL: quantile(window.itl, share)}
    return TokenLoad(
        rate=window.rate,
        requests=window.requests,
        lengths=window.lengths,
        itl=window.itl_seconds / window.gaps,
        ttft=window.ttft_seconds / window.requests if window.ttft_seconds > 0 else None,
        tails={metric: seconds for metric, seconds in tails.items() if seconds is not None},
    )
