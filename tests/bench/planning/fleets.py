"""Random fleets by seed: what makes a plan hard is a parameter, and no figure is taken from any data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from steelyard.core.planning.fleet.fleet import Fleet

KINDS = ("third cut", "two thirds cut", "equal efficiency", "many replicas", "even", "all limited", "too little")
"""In the last one most fleets have no plan: what counts is how long the proof takes."""
SPARE = {"all limited": 2.0, "too little": 1.33}
"""Times what is used that the pools hold which are not cut."""
RULES = ("families", "spot", "maximum", "all rules")
"""Kinds in which every workload has that rule, or all three."""


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


def under_rules(free: Fleet, rule: str) -> Fleet:
    """Every workload on at least two of three families, with at most half of its replicas on spot pools, with at most 1.2 times the replicas
    that its fastest pool needs; or all of these. Whoever has pools of one family alone needs one."""
    pools = np.arange(free.pools)
    every = rule == "all rules"
    changed = free
    if every or rule == "families":
        reached = np.stack([(free.capacity[:, pools % 3 == f] > 0).any(axis=1) for f in range(3)]).sum(axis=0)
        changed = replace(changed, family=pools % 3, families=np.minimum(reached, 2))
    if every or rule == "spot":
        on_demand = (free.capacity[:, pools % 4 != 1] > 0).any(axis=1)
        changed = replace(changed, spot=pools % 4 == 1, spot_percent=np.where(on_demand, 50, 100))
    if every or rule == "maximum":
        fewest = np.ceil(free.load / free.capacity.max(axis=1))
        changed = replace(changed, maximum=np.maximum(np.ceil(1.2 * fewest), free.least).astype(np.int64) + 2)
    return changed


def without_rules(free: Fleet, workloads: tuple[int, ...]) -> Fleet:
    """The same but for those, whose rules contradict each other."""
    some = np.isin(np.arange(free.workloads), workloads)
    return replace(
        free,
        families=np.where(some, 1, free.families),
        spot_percent=np.where(some, 100, free.spot_percent),
        maximum=np.where(some, 2**31, free.maximum),
    )


def cut(free: Fleet, used: np.ndarray, seed: int, kind: str) -> Fleet:
    """Some of the pools are limited to 30 to 70 % of the devices that a plan without limits uses: `used` (P,)."""
    chance = np.random.default_rng(seed + 99)
    some = chance.random(free.pools) < (2 / 3 if kind == "two thirds cut" else 1 / 3)
    some[int(np.argmax(used))] = True
    if kind in SPARE:
        # Pools that nobody uses hold as much as the smallest of those that are.
        others = np.maximum(used, used[used > 0].min()) * SPARE[kind]
        return replace(free, limit=np.floor(np.where(some, used * chance.uniform(0.3, 0.7, free.pools), others)))
    return replace(free, limit=np.where(some, np.floor(used * chance.uniform(0.3, 0.7, free.pools)), np.inf))
