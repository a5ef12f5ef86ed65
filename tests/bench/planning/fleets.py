"""Random fleets by seed: what makes a plan hard is a parameter, and no figure is taken from any data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from steelyard.core.planning.fleet.fleet import Fleet

KINDS = ("third cut", "two thirds cut", "equal efficiency", "many replicas", "even")


def fleet(workloads: int, pools: int, seed: int, kind: str) -> Fleet:
    """Without limits yet. A third of the pairs is not allowed; a sixth of them holds replicas now; a replica more costs up to 30 % more."""
    chance = np.random.default_rng(seed)
    capacity = chance.uniform(2, 20, (workloads, pools)) * (chance.random((workloads, pools)) > 0.3)
    capacity[np.arange(workloads), chance.integers(0, pools, workloads)] = 10
    cost = np.broadcast_to(chance.uniform(0.5, 5, pools), (workloads, pools)) * chance.uniform(0.9, 1.1, (workloads, pools))
    if kind == "equal efficiency":
        cost = np.where(capacity > 0, 0.25 * capacity, 1.0)
    mean = 300 if kind == "many replicas" else 12
    load = chance.uniform(1, 8 * mean, workloads) if kind != "many replicas" else chance.uniform(0.75, 1.25, workloads) * 10 * mean
    current = (chance.random((workloads, pools)) < 0.15) * chance.integers(0, 6, (workloads, pools))
    return Fleet(
        load=load,
        least=chance.integers(0, 3, workloads),
        capacity=capacity,
        cost=cost,
        devices=np.ones((workloads, pools)),
        limit=np.full(pools, np.inf),
        current=current.astype(np.int64),
        added=cost * chance.uniform(0, 0.3, (workloads, pools)),
        most=np.full((workloads, pools), 40 * mean, np.int64),
        even=np.full(workloads, kind == "even"),
    )


def cut(free: Fleet, used: np.ndarray, seed: int, kind: str) -> Fleet:
    """Some of the pools are limited to 30 to 70 % of the devices that a plan without limits uses: `used` (P,)."""
    chance = np.random.default_rng(seed + 99)
    some = chance.random(free.pools) < (2 / 3 if kind == "two thirds cut" else 1 / 3)
    some[int(np.argmax(used))] = True
    return replace(free, limit=np.where(some, np.floor(used * chance.uniform(0.3, 0.7, free.pools)), np.inf))
