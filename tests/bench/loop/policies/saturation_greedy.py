"""Spare capacity between two thresholds; outside of them greedily up on the cheapest pool, or down on the dearest.

The rule of llm-d's workload variant autoscaler 0.9 (saturation analyzer v2 and its cost-aware optimizer), with requests for tokens:
required = demand / 0.85 - supply, what starts included; spare = supply - demand / 0.70; replicas are added where capacity costs least and
removed where a replica costs most; never both at once. https://github.com/llm-d/llm-d-autoscaler
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import ceil, floor

from bench.loop.policy import Observation, Pool

DOWN = 0.70 / 0.85
"""The threshold of removing, as a part of that of adding."""
LOOK = 60
"""Seconds: demand is the most that was seen in the last minute."""


class SaturationGreedy:
    """target: above this part of capacity replicas are added (the rule's own is 0.85)."""

    every_seconds = 20

    def __init__(self, target: float = 0.85) -> None:
        self._target = target
        self._recent: deque[float] = deque(maxlen=LOOK // self.every_seconds)

    def start(self, pools: Sequence[Pool], *, allowance: float, seed: int) -> None:
        """Believes what it is told."""
        self._pools = pools

    def step(self, seen: Observation) -> Sequence[int]:
        """One cycle of analyser and optimiser."""
        wanted = [r + s for r, s in zip(seen.ready, seen.starting, strict=True)]
        if not seen.seconds:
            return wanted
        self._recent.append(seen.requests / seen.seconds)
        demand = max(self._recent)
        supply = sum(n * p.capacity for n, p in zip(wanted, self._pools, strict=True))
        required, spare = demand / self._target - supply, supply - demand / (self._target * DOWN)
        if required > 0:
            self._add(wanted, required, seen)
        elif spare > 0:
            self._remove(wanted, spare, seen)
        return wanted

    def _add(self, wanted: list[int], required: float, seen: Observation) -> None:
        for p in sorted(range(len(wanted)), key=lambda p: (seen.prices[p] / self._pools[p].capacity, p)):
            limit = seen.limits[p]
            more = ceil(max(required, 0.0) / self._pools[p].capacity)
            more = more if limit is None else max(min(more, limit - wanted[p]), 0)
            wanted[p] += more
            required -= more * self._pools[p].capacity

    def _remove(self, wanted: list[int], spare: float, seen: Observation) -> None:
        for p in sorted(range(len(wanted)), key=lambda p: (-seen.prices[p], p)):
            # One replica stays, whatever is spare.
            fewer = min(floor(max(spare, 0.0) / self._pools[p].capacity), wanted[p], sum(wanted) - 1)
            wanted[p] -= fewer
            spare -= fewer * self._pools[p].capacity
