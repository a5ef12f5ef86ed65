"""The rule of Kubernetes' HorizontalPodAutoscaler, over one pool or over several that are filled in turn.

The rule, its tolerance and its stabilisation: https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import ceil

from bench.loop.policy import STEP, Observation, Pool

TOLERANCE = 0.1
"""A ratio of utilisation to target this close to 1 changes nothing."""
METRIC_SECONDS = 30
"""Utilisation is a mean over this time, as metrics-server's is."""


class Hpa:
    """target: the utilisation aimed at. pools: names, which are filled in this order, limited ones up to their limit; None: the one without a
    limit that serves a request at the lowest price. stabilisation: seconds over which the largest wish counts on the way down.

    A replica stays until its successor is ready.
    """

    def __init__(self, target: float, *, pools: Sequence[str] | None = None, stabilisation: int = 300) -> None:
        self._target = target
        self._pools = pools
        self._used: deque[float] = deque(maxlen=METRIC_SECONDS // STEP)
        self._wishes: deque[float] = deque(maxlen=stabilisation // STEP)

    def start(self, pools: Sequence[Pool], *, allowance: float) -> None:
        """Fixes the order in which pools are filled."""
        self._capacity = [p.capacity for p in pools]
        self._limits = [p.limit for p in pools]
        names = [p.name for p in pools]
        unbounded = [p for p in range(len(pools)) if pools[p].limit is None]
        cheapest = min(unbounded, key=lambda p: (pools[p].price / pools[p].capacity, p))
        self._order = [cheapest] if self._pools is None else [names.index(name) for name in self._pools]
        self._wanted: list[int] | None = None

    def step(self, seen: Observation) -> Sequence[int]:
        """ceil(current x utilisation / target), in units of capacity; unchanged where nothing is ready and so nothing is measured."""
        measured = [
            busy * seconds * capacity
            for busy, seconds, capacity in zip(seen.busy, seen.replica_seconds, self._capacity, strict=True)
            if busy is not None
        ]
        if not measured:
            return self._wanted or seen.ready
        self._used.append(sum(measured) / seen.seconds)
        standing = [r + s for r, s in zip(seen.ready, seen.starting, strict=True)]
        current = sum(n * c for n, c in zip(standing, self._capacity, strict=True))
        wish = sum(self._used) / len(self._used) / self._target
        self._wishes.append(current if abs(wish - current) <= TOLERANCE * current else wish)
        self._wanted = self._fill(max(self._wishes))
        return self._surging(self._wanted, max(self._wishes), seen.ready)

    def _fill(self, capacity: float) -> list[int]:
        """At least one replica: minReplicas."""
        capacity = max(capacity, self._capacity[self._order[0]])
        wanted = [0 for _ in self._limits]
        for p in self._order:
            limit = self._limits[p]
            needed = max(ceil(capacity / self._capacity[p] - 1e-9), 0)
            # The last pool has nowhere to pass its rest on to: the wish stands, and waits for the pool.
            wanted[p] = needed if limit is None or p == self._order[-1] else min(needed, limit)
            capacity -= wanted[p] * self._capacity[p]
        return wanted

    def _surging(self, wanted: Sequence[int], capacity: float, ready: Sequence[int]) -> list[int]:
        """What is ready elsewhere stays until what replaces it is ready too."""
        kept = list(wanted)
        short = capacity - sum(min(w, r) * c for w, r, c in zip(wanted, ready, self._capacity, strict=True))
        if short <= 0:
            return kept
        for p in sorted(range(len(kept)), key=lambda p: -self._capacity[p]):
            more = max(min(ready[p] - wanted[p], ceil(short / self._capacity[p])), 0)
            kept[p] += more
            short -= more * self._capacity[p]
        return kept
