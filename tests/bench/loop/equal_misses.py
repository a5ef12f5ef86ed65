"""HPA as well set as it could have been: pools and target are chosen after the day is over, and costs are compared where as much is missed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log

from bench.loop.outcome import Outcome
from bench.loop.play import policy
from bench.loop.policies.hpa import Hpa
from bench.loop.waiting import utilisation
from bench.loop.worlds import World

STABILISATION = 120
"""Seconds: the shortest that did not cost more in any earlier run."""
AROUND = (0.75, 0.85, 0.95, 1.05, 1.15)
"""Targets, as multiples of the highest utilisation at which the promise holds on the slowest pool in use."""
MOST = 0.97
NO_MISS = 1e-6
"""Where costs are interpolated over the logarithm of what is missed, less than this counts as this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """pools: filled in this order. target: utilisation."""

    pools: tuple[str, ...]
    target: float

    def __str__(self) -> str:
        return f"{'+'.join(self.pools)} at {self.target:.2f}"


@dataclass(frozen=True, slots=True)
class Tuned:
    """A run at each setting."""

    runs: tuple[tuple[Setting, Outcome], ...]

    def within(self, allowance: float) -> tuple[Setting, Outcome]:
        """The cheapest that keeps the allowance; where none does, the one that misses least."""
        kept = [run for run in self.runs if run[1].missed_part <= allowance]
        return min(kept, key=lambda run: run[1].cost) if kept else min(self.runs, key=lambda run: run[1].missed_part)

    def cost_at(self, missed: float) -> float | None:
        """Money at that part of requests missed; None where even the setting that misses most misses less, or every one more."""
        points = _frontier([run for _, run in self.runs])
        at = max(missed, NO_MISS)
        for (low, dear), (high, cheap) in pairwise(points):
            if low <= at <= high:
                return dear + (cheap - dear) * log(at / low) / log(high / low)
        return None


def _frontier(runs: Sequence[Outcome]) -> list[tuple[float, float]]:
    """(missed, cost), misses rising and cost falling: a run that costs more and misses as much as another is left out."""
    kept: list[tuple[float, float]] = []
    for missed, cost in sorted((max(run.missed_part, NO_MISS), run.cost) for run in runs):
        if not kept or cost < kept[-1][1]:
            kept.append((missed, cost))
    return kept


def tuned(world: World) -> Tuned:
    """Run at each setting."""
    return Tuned(
        tuple(
            (setting, policy(world, Hpa(setting.target, pools=setting.pools, stabilisation=STABILISATION))) for setting in _settings(world)
        )
    )


def _settings(world: World) -> Iterator[Setting]:
    """What stands behind a pool without a limit is never used."""
    a, b, c = world.pools
    for pools in ((c, b), (a,), (c, b, a)):
        if pools[-1].limit is None and all(pool.limit is not None for pool in pools[:-1]):
            held = min(utilisation(world.allowance, world.latency * pool.capacity) for pool in pools)
            for target in sorted({min(MOST, held * factor) for factor in AROUND}):
                yield Setting(pools=tuple(pool.name for pool in pools), target=target)
