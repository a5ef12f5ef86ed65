"""What a decision at rest reckons with of a placement's traffic: the load of the last windows, the same replicas at the same price, a promise that is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from steelyard.core.facts.window import Window

CALM = 10
"""Windows in which nothing but the load's noise was different, after which one more is no news if it shows the same."""
SIGMAS = 2.0
"""Standard deviations within which a window's requests are the same load: as much as they differed lately, and never less than a Poisson count does."""
SAME_COST = 0.01
"""Part by which the cost of a replica may differ and be the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoned:
    """rate: requests per second, over `seconds`. dispersion: variance of a window's requests over their mean. cost: of a replica-second, None where
    it is not known. tells: whether busy time and latencies are told."""

    replicas: int
    rate: float
    seconds: float
    dispersion: float
    cost: float | None
    tells: tuple[bool, bool]

    @classmethod
    def of(cls, windows: Sequence[Window]) -> Reckoned | None:
        """After these, the oldest first; None where they do not tell what comes next."""
        calm = windows[-CALM:]
        if len(calm) < CALM or not all(_is_alike(w, calm[-1]) for w in calm):
            return None
        seconds = sum(w.seconds for w in calm)
        rate = sum(w.offered for w in calm) / seconds
        off = sum((w.offered - rate * w.seconds) ** 2 for w in calm) / (len(calm) - 1)
        dispersion = max(1.0, off * len(calm) / (rate * seconds)) if rate > 0 else 1.0
        last = calm[-1]
        return cls(replicas=round(last.replicas), rate=rate, seconds=seconds, dispersion=dispersion, cost=_cost(last), tells=_tells(last))

    def is_shown_by(self, window: Window, allowed: float) -> bool:
        """Whether one more window says this again. allowed: fraction of requests that may miss the objective."""
        if not window.steady or window.disturbed or round(window.replicas) != self.replicas or _tells(window) != self.tells:
            return False
        cost, mean = _cost(window), self.rate * window.seconds
        if cost != self.cost and (cost is None or self.cost is None or abs(cost - self.cost) > SAME_COST * self.cost):
            return False
        # What is compared with is a mean of few windows, and has noise of its own.
        as_usual = abs(window.offered - mean) <= SIGMAS * sqrt(self.dispersion * mean * (1 + window.seconds / self.seconds))
        return as_usual and window.violations <= allowed * window.offered


def _is_alike(window: Window, last: Window) -> bool:
    same = round(window.replicas) == round(last.replicas) and _tells(window) == _tells(last)
    return same and window.steady and not window.disturbed and window.seconds > 0 and window.replica_seconds > 0


def _tells(window: Window) -> tuple[bool, bool]:
    return window.busy_seconds is not None, window.buckets is not None


def _cost(window: Window) -> float | None:
    return window.cost / window.replica_seconds if window.cost is not None and window.replica_seconds > 0 else None
