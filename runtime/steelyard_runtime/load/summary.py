"""The last line of a load: counts and latencies, in bounded memory."""

from collections import Counter
from dataclasses import dataclass, field
from math import ceil, log10
from typing import Any

from steelyard_runtime.load.entry import Entry

STEPS_PER_DECADE = 100
"""Of the latency histogram: a quantile is exact to 2.3 %."""
STEP = 10 ** (1 / STEPS_PER_DECADE)
"""Times that the upper end of a step of it is its lower one."""


class Quantiles:
    """Seconds in a histogram of logarithms."""

    def __init__(self) -> None:
        self._steps: Counter[int] = Counter()
        self._sum = 0.0

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._steps)

    @property
    def count(self) -> int:
        """How many."""
        return self._steps.total()

    def add(self, seconds: float | None) -> None:
        """Count one; None is none."""
        if seconds is not None:
            self._steps[ceil(STEPS_PER_DECADE * log10(max(seconds, 1e-6)))] += 1
            self._sum += seconds

    @property
    def mean(self) -> float | None:
        """Exactly, in seconds, or None without any."""
        return self._sum / self.count if self else None

    def quantile(self, share: float) -> float | None:
        """Return an upper bound of a quantile in seconds, or None without any."""
        total = self._steps.total()
        seen = 0
        for step in sorted(self._steps):
            seen += self._steps[step]
            if seen >= share * total:
                return float(10 ** (step / STEPS_PER_DECADE))
        return None

    def milliseconds(self) -> dict[str, float | None]:
        """Return those that people ask for."""
        return {
            name: None if (value := self.quantile(share)) is None else round(value * 1000, 1)
            for name, share in (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99))
        }


@dataclass
class Summary:
    """Grows by one entry at a time."""

    objective: float
    """In seconds."""
    outcomes: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    pods: Counter[str] = field(default_factory=Counter)
    tokens: int = 0
    latencies: Quantiles = field(default_factory=Quantiles)
    firsts: Quantiles = field(default_factory=Quantiles)
    betweens: Quantiles = field(default_factory=Quantiles)
    lateness: Quantiles = field(default_factory=Quantiles)
    """By how much requests left later than they were to."""

    def add(self, entry: Entry) -> None:
        """Count one request."""
        self.outcomes[entry.outcome(self.objective)] += 1
        self.statuses[entry.status] += 1
        if entry.pod:
            self.pods[entry.pod] += 1
        self.tokens += entry.tokens
        self.lateness.add(entry.lateness)
        if entry.status == 200:
            self.latencies.add(entry.latency)
            self.firsts.add(entry.first)
            self.betweens.add(entry.between)

    def line(self, started: float, ended: float) -> dict[str, Any]:
        """Return the summary line; times of tokens only where something streamed."""
        streamed = {"ttftMs": self.firsts.milliseconds(), "itlMs": self.betweens.milliseconds()} if self.firsts else {}
        return {
            "summary": {
                "requests": self.outcomes.total(),
                "outcomes": {name: self.outcomes[name] for name in ("good", "slow", "error", "shed")},
                "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
                "pods": dict(sorted(self.pods.items())),
                "tokens": self.tokens,
                "latencyMs": self.latencies.milliseconds(),
                "lateMs": self.lateness.milliseconds(),
                **streamed,
                "started": round(started, 6),
                "ended": round(ended, 6),
            }
        }
