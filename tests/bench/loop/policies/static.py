"""As many replicas of one pool as the peak needs, always."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from bench.loop.policy import USABLE, Observation, Pool


class Static:
    """peak: the most requests per second that will come; whoever sizes for a peak has to know it."""

    every_seconds = 60

    def __init__(self, peak: float) -> None:
        self._peak = peak

    def start(self, pools: Sequence[Pool], *, allowance: float, seed: int) -> None:
        """The cheapest for the peak among the pools that have no limit."""
        counts = [ceil(self._peak / (USABLE * p.capacity)) for p in pools]
        best = min((p for p in range(len(pools)) if pools[p].limit is None), key=lambda p: counts[p] * pools[p].price)
        self._wanted = [counts[p] if p == best else 0 for p in range(len(pools))]

    def step(self, seen: Observation) -> Sequence[int]:
        """Always the same."""
        return self._wanted
