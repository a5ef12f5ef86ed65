"""The policy that this benchmark measured under the name `steelyard` until it drove the operator: never what the operator did.

It forecasts the load over each pool's true start-up time at a quantile that follows what is missed, orders the cheapest replicas for that, and
changes the mix at once where that earns the start. It is told every pool's capacity.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import ceil

import numpy as np

from bench.loop.policies.former_forecast import Forecast, Risk
from bench.loop.policy import STEP, Observation, Pool
from bench.loop.waiting import Reals, Whole, utilisation

MOST = 10**6
EVERY = 60
"""Seconds between looks for a cheaper mix."""
PAYBACK = 600.0
"""Seconds within which replicas that change places have to earn their start."""
LIFE = 3600.0
"""Seconds that a replica is expected to stay: its start and drain are paid over these."""
Counts = tuple[int, ...]


class Former:
    """latency: seconds within which a request is to be answered; a replica is planned with what the queue law lets it carry."""

    def __init__(self, latency: float) -> None:
        self._latency = latency

    def start(self, pools: Sequence[Pool], *, allowance: float) -> None:
        """Nothing is known of the load."""
        self._pools = pools
        self._capacity = np.array([p.capacity * utilisation(allowance, self._latency * p.capacity) for p in pools])
        self._forecast, self._risk = Forecast(), Risk.of(allowance)
        self._needs: deque[tuple[float, float]] = deque()

    def step(self, seen: Observation) -> Sequence[int]:
        """Grow to what may come, keep what was needed lately, and change places where that pays."""
        expected = (self._forecast.level if self._forecast.level is not None else seen.requests / seen.seconds) * seen.seconds
        self._risk = self._risk.after(seen.missed, expected, seen.seconds)
        self._forecast = self._forecast.after(seen.requests, seen.seconds)
        now = tuple(r + s for r, s in zip(seen.ready, seen.starting, strict=True))
        self._needs.append((seen.now, self._need(min(p.startup_seconds for p in self._pools), seen.seconds)))
        # What a replica costs before it serves and after is spent again if it is needed again so soon.
        while self._needs[0][0] < seen.now - min(p.startup_seconds + p.drain_seconds for p in self._pools):
            self._needs.popleft()
        held = max(load for _, load in self._needs)
        wanted = self._grown(now, seen)
        if wanted != now or any(seen.starting):
            return wanted
        less = self._cheapest(held, (0,) * len(now), now, now, seen.prices) or now
        if less != now or seen.now % EVERY:
            return less
        return self._cheaper(now, held, seen.prices)

    def _need(self, ahead: float, seconds: float) -> float:
        return self._forecast.quantile(ahead, self._risk.chance, seconds)

    def _grown(self, now: Counts, seen: Observation) -> Counts:
        """What is to be ordered. Slower pools have their turn first; of faster ones only as much is ordered as is needed at their own time."""
        wanted = now
        for start in sorted({p.startup_seconds for p in self._pools}, reverse=True):
            load = self._need(start, seen.seconds)
            if self._carried(np.array(wanted)[:, None])[0] >= load:
                continue
            room = self._room(load, wanted)
            most = tuple(r if p.startup_seconds <= start else w for r, w, p in zip(room, wanted, self._pools, strict=True))
            plan = self._cheapest(load, wanted, most, now, seen.prices) or most
            wanted = tuple(q if p.startup_seconds == start else w for q, w, p in zip(plan, wanted, self._pools, strict=True))
        return wanted

    def _cheaper(self, now: Counts, held: float, prices: Sequence[float]) -> Counts:
        """What stands and the replicas of a cheaper mix that are not there yet; shrinking takes away what they replace."""
        plan = self._cheapest(held, (0,) * len(now), self._room(held, (0,) * len(now)), now, prices)
        if plan is None:
            return now
        idle = [p.startup_seconds + p.drain_seconds for p in self._pools]
        saved = sum((n - m) * price for n, m, price in zip(now, plan, prices, strict=True)) * PAYBACK
        paid = sum(max(0, m - n) * price * seconds for n, m, price, seconds in zip(now, plan, prices, idle, strict=True))
        return tuple(max(n, m) for n, m in zip(now, plan, strict=True)) if saved > paid else now

    def _room(self, load: float, least: Counts) -> Counts:
        """Replicas that a pool alone would need, within its limit."""
        limits = [MOST if p.limit is None else p.limit for p in self._pools]
        return tuple(max(n, min(limit, ceil(load / c))) for n, limit, c in zip(least, limits, self._capacity, strict=True))

    def _carried(self, counts: Whole) -> Reals:
        """(N,) requests per second of each column of `counts`: every replica gets as much as the slowest."""
        slowest = np.where(counts > 0, self._capacity[:, None], self._capacity.max()).min(axis=0)
        carried: Reals = counts.sum(axis=0) * slowest
        return carried

    def _cheapest(self, load: float, least: Counts, most: Counts, now: Counts, prices: Sequence[float]) -> Counts | None:
        """Of all replicas between `least` and `most` that carry the load, with the start of those that do not stand; None where none do."""
        spans = [np.arange(low, high + 1) for low, high in zip(least, most, strict=True)]
        counts = np.stack([grid.ravel() for grid in np.meshgrid(*spans, indexing="ij")])
        counts = counts[:, (self._carried(counts) >= load) & (counts.sum(axis=0) > 0)]
        if not counts.size:
            return None
        idle = np.array([(p.startup_seconds + p.drain_seconds) / LIFE for p in self._pools])
        new = np.maximum(counts - np.array(now)[:, None], 0)
        cost = np.array(prices) @ counts + (np.array(prices) * idle) @ new
        return tuple(int(n) for n in counts[:, int(cost.argmin())])


assert EVERY % STEP == 0
