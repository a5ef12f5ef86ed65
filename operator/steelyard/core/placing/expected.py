"""What a decision at rest expects of a placement's next window: the load of the last ones, the same replicas at the same price, an objective that is met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from math import sqrt

from steelyard.core.facts.window import Window

FEW, CALM = 3, 10
"""Windows in which nothing but the load's noise was different, at least, after which one more is no news if it shows the same; and how many of them are
compared with at most."""
SIGMAS = 2.0
"""Standard deviations within which a window's requests are the same load: as much as they differed lately, and never less than a Poisson count does."""
SAME_COST = 0.01
"""Part by which the cost of a replica may differ and be the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """What one window shows of a placement at rest: replicas, and what their servers tell."""

    replicas: int
    busy_told: bool
    latency_told: bool
    cost_known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """rate: requests per second over `seconds`. dispersion: variance of a window's requests over their mean. cost: of a replica-second."""

    shown: _Shown
    rate: float
    seconds: float
    dispersion: float
    cost: float | None

    @classmethod
    def after(cls, windows: Sequence[Window]) -> Expected | None:
        """After these, the oldest first: by the newest that show the same. None where they do not tell what comes next."""
        newest = windows[-CALM:]
        one = _shown(newest[-1]) if newest else None
        calm = list(takewhile(lambda w: _shown(w) == one, reversed(newest)))
        if one is None or len(calm) < FEW:
            return None
        seconds = sum(w.seconds for w in calm)
        rate = sum(w.offered for w in calm) / seconds
        variance = sum((w.offered - rate * w.seconds) ** 2 for w in calm) / (len(calm) - 1)
        dispersion = max(1.0, variance * len(calm) / (rate * seconds)) if rate > 0 else 1.0
        return cls(shown=one, rate=rate, seconds=seconds, dispersion=dispersion, cost=_cost(calm[0]))

    def is_met_by(self, window: Window, allowed: float) -> bool:
        """Whether one more window shows this again. allowed: fraction of requests that may miss the objective."""
        if _shown(window) != self.shown or window.violations > allowed * window.offered:
            return False
        cost, mean = _cost(window), self.rate * window.seconds
        if cost is not None and self.cost is not None and abs(cost - self.cost) > SAME_COST * self.cost:
            return False
        # What is compared with is a mean of few windows, and has noise of its own.
        return abs(window.offered - mean) <= SIGMAS * sqrt(self.dispersion * mean * (1 + window.seconds / self.seconds))


def _shown(window: Window) -> _Shown | None:
    """None where it says nothing of a placement at rest."""
    if not window.steady or window.disturbed or window.seconds <= 0 or window.replica_seconds <= 0:
        return None
    return _Shown(
        replicas=round(window.replicas),
        busy_told=window.busy_seconds is not None,
        latency_told=window.buckets is not None,
        cost_known=window.cost is not None,
    )


def _cost(window: Window) -> float | None:
    return None if window.cost is None else window.cost / window.replica_seconds
