"""The worlds of the benchmark: three markets, and three that change while a policy runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from bench.loop.mix import mixes
from bench.loop.policy import STEP, USABLE, Pool
from bench.loop.traces import Trace
from bench.loop.world import STEPS_PER_HOUR, UNBOUNDED, Reals, Whole, World

A = Pool(name="A", capacity=10, price=4.00, startup_seconds=300)
B = Pool(name="B", capacity=3, price=1.00, startup_seconds=120)
C = replace(B, name="C", price=0.60, limit=4)
SIZE = 12
"""Replicas of B that the mean load needs."""
CLAIMS_OFF = 1.5, 2.0
"""Each claim is off by a factor between these."""
METER_NOISE = 0.05
"""Where capacity is to be learnt, what a busy fraction of 10 s is off by."""
KNOWLEDGE = ("known", "learnt")

Paths = tuple[Reals, Whole]


def world(kind: str, trace: Trace, knowledge: str, seed: int) -> World:
    """One of WORLDS with the trace. known: policies are told true capacities. learnt: claims, and meters that are not exact."""
    pools, change = WORLDS[kind]
    arrivals = trace.arrivals(SIZE * B.capacity * USABLE * STEP, seed)
    prices = np.tile([p.price for p in pools], (arrivals.size, 1))
    limits = np.tile([UNBOUNDED if p.limit is None else p.limit for p in pools], (arrivals.size, 1))
    prices, limits = change(prices, limits, np.random.default_rng([seed, 2]))
    learnt = knowledge == "learnt"
    return World(
        pools=pools,
        told=_claimed(pools, np.random.default_rng([seed, 3])) if learnt else pools,
        arrivals=arrivals,
        prices=prices,
        limits=limits,
        opening=_opening(pools, arrivals),
        meter_noise=METER_NOISE if learnt else 0.0,
        seed=seed,
    )


def _claimed(pools: tuple[Pool, ...], chance: np.random.Generator) -> tuple[Pool, ...]:
    """Some claims are too high and some too low, so that their order is wrong too."""
    high = chance.permutation([i % 2 == 0 for i in range(len(pools))])
    off = chance.uniform(*CLAIMS_OFF, len(pools)) ** np.where(high, 1.0, -1.0)
    return tuple(replace(p, capacity=p.capacity * float(factor)) for p, factor in zip(pools, off, strict=True))


def _opening(pools: tuple[Pool, ...], arrivals: Reals) -> tuple[int, ...]:
    """The cheapest that carries all until a first start-up can end: no policy begins with a debt."""
    peak = float(arrivals[: max(p.startup_seconds for p in pools) // STEP].max()) / STEP
    capacities = [p.capacity * USABLE for p in pools]
    return mixes(capacities, [p.price for p in pools], [p.limit for p in pools], peak).cheapest(peak)


def _steady(prices: Reals, limits: Whole, _: np.random.Generator) -> Paths:
    return prices, limits


def _crossover(prices: Reals, limits: Whole, _: np.random.Generator) -> Paths:
    """A's price goes 15 % above B's for the same requests and below it, each for half an hour: following it wins less than a move costs."""
    dear = np.arange(len(prices)) // (STEPS_PER_HOUR // 2) % 2 == 0
    prices[:, 0] *= np.where(dear, 1.15, 0.85)
    return prices, limits


def _spot(prices: Reals, limits: Whole, chance: np.random.Generator) -> Paths:
    """Part of C, or all, is taken away after about three hours, for 20 to 60 minutes."""
    step = 0
    while (step := step + round(chance.exponential(3 * STEPS_PER_HOUR))) < len(limits):
        until = step + round(chance.uniform(1 / 3, 1) * STEPS_PER_HOUR)
        limits[step:until, 2] = chance.integers(0, SPOT.limit)
        step = until
    return prices, limits


def _outage(prices: Reals, limits: Whole, chance: np.random.Generator) -> Paths:
    """B vanishes for three hours of each day, at once."""
    day = 24 * STEPS_PER_HOUR
    for begin in range(0, len(limits), day):
        at = begin + int(chance.integers(0, day - 3 * STEPS_PER_HOUR))
        limits[at : at + 3 * STEPS_PER_HOUR, 1] = 0
    return prices, limits


SPOT = replace(C, price=0.40, limit=12, notice_seconds=120)
WORLDS: Mapping[str, tuple[tuple[Pool, ...], Callable[[Reals, Whole, np.random.Generator], Paths]]] = {
    "unlimited": ((A, B, C), _steady),
    "limited": ((A, replace(B, limit=8), C), _steady),
    "limited-quick": ((replace(A, startup_seconds=B.startup_seconds), replace(B, limit=8), C), _steady),
    "mixed": ((replace(A, price=3.00), replace(B, limit=8), C), _steady),
    "crossover": ((replace(A, price=B.price / B.capacity * A.capacity), B, C), _crossover),
    "spot": ((A, B, SPOT), _spot),
    "outage": ((A, B, C), _outage),
}
"""By name.

unlimited: B carries any load, and A is never worth its price. limited: at most 8 of B, so that more than 12 replicas' load needs A.
limited-quick: the same with an A that starts as quickly as B, to see what its start-up costs.
mixed: A costs least per request but starts slowly and in large pieces, B is quick and dear and at most 8: each has its part.
"""
