"""A server that takes what waits as one batch, played request by request; what its page would tell of it, as windows."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import timedelta
from math import inf

import numpy as np
from numpy.typing import NDArray

from steelyard.core.facts.batches import Batches
from steelyard.core.facts.window import Window
from unit.core.world import START

EDGES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2, 1.6, 2.4, 3.2, 5.0, 10.0, 30.0)
MINUTE = 60.0


@dataclass(frozen=True)
class Played:
    """Of each request when it came and how long its answer took; of each run when it ended, its inputs, its rows and its seconds."""

    came: NDArray[np.float64]
    took: NDArray[np.float64]
    runs: tuple[tuple[float, int, int, float], ...]

    def late(self, within: float) -> float:
        """The part that took longer, once the queue has settled."""
        return float((self.took > within)[len(self.took) // 20 :].mean())


@dataclass(frozen=True)
class BatchEngine:
    """A run of so many rows takes `fixed` + rows * `each` seconds, more or less by `scatter`; sizes, padded: as of `Batches`. inputs: of each request.
    elsewhere: seconds of an answer beside the queue and the run."""

    fixed: float
    each: float
    sizes: tuple[int, ...]
    padded: bool = False
    scatter: float = 0.0
    inputs: int = 1
    elsewhere: float = 0.0

    @property
    def full(self) -> float:
        return self.fixed + self.each * self.sizes[-1]

    @property
    def saturation(self) -> float:
        return self.sizes[-1] / (self.inputs * self.full)

    def serve(self, rate: float, seconds: float, seed: int) -> Played:
        """Requests that come by chance, first come, first served."""
        rng = np.random.default_rng(seed)
        requests = np.sort(rng.uniform(0, seconds, rng.poisson(rate * seconds)))
        came = np.repeat(requests, self.inputs).tolist()
        scatter = np.exp(rng.normal(-(self.scatter**2) / 2, self.scatter, len(came))).tolist()
        done, runs, first, free = np.empty(len(came)), [], 0, 0.0
        while first < len(came):
            start = max(free, came[first])
            last = bisect_right(came, start, first, min(len(came), first + self.sizes[-1]))
            rows = self.sizes[bisect_left(self.sizes, last - first)] if self.padded else last - first
            seconds_of_it = (self.fixed + self.each * rows) * scatter[first]
            free = start + seconds_of_it
            done[first:last] = free
            runs.append((free, last - first, rows, seconds_of_it))
            first = last
        return Played(requests, done[self.inputs - 1 :: self.inputs] - requests + self.elsewhere, tuple(runs))

    def windows(self, rate: float, count: int, within: float, seed: int) -> list[Window]:
        """So many minutes of it."""
        played = self.serve(rate, count * MINUTE, seed)
        minute = ((played.came + played.took) // MINUTE).astype(int)
        edges = np.array([*sorted({*EDGES, within}), inf])
        found = []
        for at in range(count):
            took = played.took[minute == at]
            good = int((took <= within).sum())
            counts = np.cumsum(np.bincount(np.searchsorted(edges, took), minlength=len(edges))).tolist()
            batches = self._told([run for run in played.runs if at <= run[0] // MINUTE < at + 1])
            found.append(
                Window(
                    start=START + timedelta(minutes=at),
                    end=START + timedelta(minutes=at + 1),
                    good=good,
                    slow=len(took) - good,
                    error=0,
                    shed=0,
                    replica_seconds=MINUTE,
                    busy_seconds=min(MINUTE, sum(batches.seconds)),
                    cost=1.0,
                    steady=True,
                    buckets=dict(zip(edges.tolist(), counts, strict=True)),
                    batches=batches,
                    by_engine=True,
                )
            )
        return found

    def _told(self, runs: list[tuple[float, int, int, float]]) -> Batches:
        sums = np.zeros((len(self.sizes), 3))
        for _, inputs, rows, seconds in runs:
            sums[bisect_left(self.sizes, inputs)] += (1, rows, seconds)
        count, rows, seconds = sums.T
        return Batches(
            workers=1,
            sizes=self.sizes,
            inputs=sum(run[1] for run in runs),
            runs=tuple(map(int, count)),
            rows=tuple(map(int, rows)),
            seconds=tuple(map(float, seconds)),
        )
