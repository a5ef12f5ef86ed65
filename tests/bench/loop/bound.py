"""The clairvoyant's bound: what any policy must pay in a world at least, if it may miss a given part of all requests.

A clairvoyant orders each start-up so that it ends in the step that needs it. So only the counts of ready replicas are to be chosen: a
replica more in step t costs its start-up before t, a replica less its drain from t on, and both are sums of prices. At a price for a
missed request that leaves one dynamic programme over all counts of all pools, which is solved exactly. Its value less price x allowance
is a lower bound at every price (Lagrangian duality; Geoffrion 1974), and the best of some prices is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.loop.policy import STEP
from bench.loop.world import STEPS_PER_HOUR, UNBOUNDED, Reals, Whole, World

SWEEP = np.geomspace(1, 400, 14)
"""Prices of a missed request that are tried first, times the least that carrying a request costs."""
CLOSER = np.array([-0.75, -0.5, -0.25, 0.25, 0.5, 0.75])
"""Then around the best of them, in steps of SWEEP."""
FORBIDDEN = 1e7
"""The same for no miss at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """requests: in the world. prices: (M,) money of a missed request; values: (M,) least cost and price of what is missed, of any policy."""

    requests: float
    prices: Reals
    values: Reals

    def at(self, allowance: float) -> float:
        """Money that any policy pays that misses no more than this part of the requests."""
        return float((self.values - self.prices * allowance * self.requests).max())


def bound(world: World, allowances: Sequence[float]) -> Bound:
    """Valid at any allowance, and sharp at these."""
    world = _without_dominated(world)
    least = (world.prices.mean(axis=0) / STEPS_PER_HOUR / world.carried).min()
    requests = float(world.arrivals.sum())
    prices = least * np.append(SWEEP, FORBIDDEN)
    values = _least(world, prices)
    ratio = SWEEP[1] / SWEEP[0]
    best = {int((values - prices * allowance * requests).argmax()) for allowance in allowances}
    closer = np.unique([prices[i] * ratio**CLOSER for i in sorted(best) if i < SWEEP.size])
    if closer.size:
        prices, values = np.append(prices, closer), np.append(values, _least(world, closer))
    return Bound(requests=requests, prices=prices, values=values)


def _without_dominated(world: World) -> World:
    """Leave out each pool of which one replica never costs less, carries more or starts faster than k of another, unbounded one.

    Any policy's replicas there can be replaced by these. Not where some stand at the opening, for their start-up was not paid; nor where
    a limit falls, for what that takes drains free of charge.
    """
    kept = list(range(len(world.pools)))
    for p in range(len(world.pools)):
        if world.opening[p] == 0 and any(_dominates(world, other, p) for other in kept if other != p):
            kept.remove(p)
    return replace(
        world,
        pools=tuple(world.pools[p] for p in kept),
        prices=world.prices[:, kept],
        limits=world.limits[:, kept],
        opening=tuple(world.opening[p] for p in kept),
    )


def _dominates(world: World, better: int, worse: int) -> bool:
    b, w = world.pools[better], world.pools[worse]
    each = np.ceil(w.capacity / b.capacity)
    quick = b.startup_seconds <= w.startup_seconds and b.drain_seconds <= w.drain_seconds
    unbounded = (world.limits[:, better] >= UNBOUNDED).all()
    kept = (np.diff(world.limits[:, worse]) >= 0).all()
    return bool(quick and unbounded and kept and (each * world.prices[:, better] <= world.prices[:, worse]).all())


def _least(world: World, prices: Reals) -> Reals:
    """(M,) of each price of a missed request: least cost and price of what is missed.

    The state is the number of ready replicas of each pool; the array has a dimension for each, and the last one for the prices.
    """
    pools = range(len(world.pools))
    most = _ready_limits(world)
    caps = [int(min(most[:, p].max(), np.ceil(world.arrivals.max() / world.carried[p]))) for p in pools]
    caps = [max(c, n) for c, n in zip(caps, world.opening, strict=True)]
    counts = [np.arange(caps[p] + 1.0).reshape([-1 if d == p else 1 for d in range(len(caps) + 1)]) for p in pools]
    carried = sum((counts[p] * world.carried[p] for p in pools), start=np.zeros(1))
    walls = [[int(w) if w < caps[p] else None for w in most[:, p]] for p in pools]
    ups, downs = _start_up(world).tolist(), _drain(world).tolist()
    other_prices = np.concatenate([[True], (np.diff(world.prices, axis=0) != 0).any(axis=1)]).tolist()

    value: Reals = np.full([c + 1 for c in caps] + [prices.size], np.inf)
    value[world.opening] = 0.0
    for step, requests in enumerate(world.arrivals.tolist()):
        if other_prices[step]:
            running = sum((counts[p] * (world.prices[step, p] / STEPS_PER_HOUR) for p in pools), start=np.zeros(1))
        for p in pools:
            along, wall = np.moveaxis(value, p, 0), walls[p][step]
            if wall is not None:
                # A lower limit takes what is above it, and that drains free of charge.
                along[wall] = along[wall:].min(axis=0)
            _change(along, ups[step][p], downs[step][p])
            if wall is not None:
                along[wall + 1 :] = np.inf
        value += running + prices * np.maximum(requests - carried, 0.0)
    least: Reals = value.reshape(-1, prices.size).min(axis=0)
    return least


def _change(value: Reals, up: float, down: float) -> None:
    """Reach each count from every other: `up` for a replica more, `down` for one less. By 1, 2, 4 ... at once, which sum to any change."""
    by = 1
    while by < len(value):
        np.minimum(value[by:], value[:-by] + by * up, out=value[by:])
        np.minimum(value[:-by], value[by:] + by * down, out=value[:-by])
        by *= 2


def _ready_limits(world: World) -> Whole:
    """(T, P) replicas that can be ready: each was within the limit through its start-up; until a first one ends there are those of the opening."""
    most = np.array(world.limits)
    for p, pool in enumerate(world.pools):
        startup = pool.startup_seconds // STEP
        for back in range(1, startup + 1):
            most[back:, p] = np.minimum(most[back:, p], world.limits[:-back, p])
        most[:startup, p] = np.minimum(most[:startup, p], world.opening[p])
    return most


def _start_up(world: World) -> Reals:
    """(T, P) money of a start-up that ends as step t begins."""
    return _sums(world, [range(-(p.startup_seconds // STEP), 0) for p in world.pools])


def _drain(world: World) -> Reals:
    """(T, P) money of a drain that begins with step t."""
    return _sums(world, [range(p.drain_seconds // STEP) for p in world.pools])


def _sums(world: World, spans: Sequence[range]) -> Reals:
    """(T, P) money of one replica in the steps t + offset, as far as these are steps of the world."""
    sums = np.zeros_like(world.prices)
    for p, span in enumerate(spans):
        for offset in span:
            into, of = (slice(0, -offset), slice(offset, None)) if offset > 0 else (slice(-offset, None), slice(0, world.steps + offset))
            sums[into, p] += world.prices[of, p] / STEPS_PER_HOUR
    return sums
