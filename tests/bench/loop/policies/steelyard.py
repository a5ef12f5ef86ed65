"""Parts of the project's planner (forecast, risk, sizes of a mix) under a policy of this benchmark: today not what the operator does.

The operator (`decide`) gives every replica an equal share, moves step by step through gates, holds a fixed chance of a miss, assumes constant
start-up times and plans with 0.7 of a replica's capacity. This policy balances by capacity, changes the mix at once with
`mix_size.cheaper`, learns its chance from misses, is told true start-up times and plans with 0.85.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from bench.loop.mix_size import Rules, Stand, cheaper, grown, shrunk
from bench.loop.policy import STEP, USABLE, Observation, Pool
from steelyard.core.planning.forecast import Forecast
from steelyard.core.planning.risk import Risk

WEIGHTED = Rules(even=False, minimum=1)
"""The balancer spreads by capacity."""
ANY = 10**6
EVERY = 60
"""Seconds between looks for a cheaper mix."""
SAMPLE = 30.0
"""Busy replica-seconds from which on a pool's capacity is what was measured there, and no longer what was claimed."""
MEMORY = 3600.0
"""Seconds over which that is averaged."""


class Steelyard:
    """payback: seconds within which replicas that change places have to earn their start."""

    every_seconds = STEP

    def __init__(self, payback: float = 600.0) -> None:
        self._payback = payback

    def start(self, pools: Sequence[Pool], *, allowance: float, seed: int) -> None:
        """What is told is a claim until it is measured."""
        self._pools = pools
        self._forecast, self._risk = Forecast(), Risk.of(allowance)
        self._served, self._busy = [0.0 for _ in pools], [0.0 for _ in pools]
        self._needs: deque[tuple[int, float]] = deque()

    def step(self, seen: Observation) -> Sequence[int]:
        """Grow to what may come, keep what was needed lately, and change places where that pays."""
        standing = tuple(r + s for r, s in zip(seen.ready, seen.starting, strict=True))
        if not seen.seconds:
            return standing
        self._learn(seen)
        stands = self._stands(seen)
        quickest = min(s.start for s in stands)
        need = self._forecast.quantile(quickest, self._risk.chance, seen.seconds)
        self._needs.append((seen.now, need))
        # What a replica costs before it serves and after is spent again if it is needed again so soon.
        while self._needs[0][0] < seen.now - min(s.start + s.drain for s in stands):
            self._needs.popleft()
        held = max(load for _, load in self._needs)
        wanted = grown(stands, lambda ahead: self._forecast.quantile(ahead, self._risk.chance, seen.seconds), WEIGHTED)
        if wanted != tuple(s.replicas for s in stands) or any(seen.starting):
            return wanted
        less = shrunk(stands, held, WEIGHTED)
        if less != wanted or seen.now % EVERY:
            return less
        return cheaper(stands, held, self._payback, WEIGHTED)

    def _learn(self, seen: Observation) -> None:
        expected = (self._forecast.level if self._forecast.level is not None else seen.requests / seen.seconds) * seen.seconds
        self._risk = self._risk.after(seen.missed, expected, seen.seconds)
        self._forecast = self._forecast.after(seen.requests, seen.seconds)
        kept = max(0.0, 1 - seen.seconds / MEMORY)
        for p, (served, busy, stood) in enumerate(zip(seen.served, seen.busy, seen.replica_seconds, strict=True)):
            self._served[p] = kept * self._served[p] + served
            self._busy[p] = kept * self._busy[p] + (busy or 0.0) * stood

    def _stands(self, seen: Observation) -> tuple[Stand, ...]:
        found = []
        for p, pool in enumerate(self._pools):
            measured = self._busy[p] >= SAMPLE and self._served[p] > 0
            # The utilisation law: what one replica serves when it is busy all the time.
            full = self._served[p] / self._busy[p] if measured else pool.capacity
            limit = ANY if (soon := seen.limits_soon[p]) is None else soon
            found.append(
                Stand(
                    pool=pool.name,
                    replicas=min(seen.ready[p] + seen.starting[p], limit),
                    capacity=full * USABLE,
                    cost=seen.prices[p],
                    start=pool.startup_seconds,
                    drain=pool.drain_seconds,
                    most=limit,
                )
            )
        return tuple(found)
