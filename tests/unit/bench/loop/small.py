"""Worlds of a few steps, and a policy that reads its wishes from a list."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.loop.policy import STEP, Observation, Pool
from bench.loop.world import UNBOUNDED, World

HOURLY = 3600 / STEP
"""A price per hour that makes a step cost 1."""
QUICK = Pool(name="quick", capacity=1 / 0.85, price=HOURLY, startup_seconds=10, drain_seconds=20)
"""Carries ten requests in a step."""
SLOW = Pool(name="slow", capacity=2.5 / 0.85, price=2 * HOURLY, startup_seconds=20, drain_seconds=10)
"""Carries 25."""


def small(
    arrivals: Sequence[float],
    *pools: Pool,
    opening: Sequence[int],
    prices: Sequence[Sequence[float]] | None = None,
    limits: Sequence[Sequence[int]] | None = None,
) -> World:
    """A world with these pools, of which policies are told the truth."""
    steps = len(arrivals)
    return World(
        pools=pools,
        told=pools,
        arrivals=np.array(arrivals, dtype=float),
        prices=np.array(prices or [[p.price for p in pools]] * steps, dtype=float),
        limits=np.array(limits or [[UNBOUNDED if p.limit is None else p.limit for p in pools]] * steps, dtype=np.int64),
        opening=tuple(opening),
        meter_noise=0.0,
        seed=1,
    )


class Scripted:
    """Wants what is written for each step; keeps what it saw."""

    every_seconds = STEP

    def __init__(self, *wishes: Sequence[int]) -> None:
        self._wishes = wishes
        self.seen: list[Observation] = []

    def start(self, pools: Sequence[Pool], *, allowance: float, seed: int) -> None:
        self.told = tuple(pools)

    def step(self, seen: Observation) -> Sequence[int]:
        self.seen.append(seen)
        return self._wishes[len(self.seen) - 1]
