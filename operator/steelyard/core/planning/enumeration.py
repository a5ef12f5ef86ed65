"""All mixes of one workload under all of its rules, walked: what the rules that couple pools need, and no relaxation sees.

Sets of pools go from small to large; within a set the counts of all pools but one are walked and the last completes the need. O(P^3 n^2) for
P pools and n replicas; beyond LARGEST combinations the walk ends, and what it has found is no proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from steelyard.core.planning.fleet import SLACK, WIDEST, Fleet, Reals, Whole

LARGEST = 1_000_000
"""Combinations."""
KEPT = 8


@dataclass(frozen=True, slots=True)
class Enumerated:
    """replicas: (M, P), the cheapest first. bound: the least cost at the prices, inf where there is none. whole: all were walked."""

    replicas: Whole
    bound: float
    whole: bool


def enumerate_mixes(fleet: Fleet, workload: int, prices: Reals, spare: float | None = None) -> Enumerated:
    """The KEPT cheapest mixes, or all within `spare` of the cheapest. prices: (P,) money per hour and device."""
    row = np.array([workload])
    one = fleet.only(row)
    pools = np.flatnonzero((one.capacity[0] > 0) & (one.most[0] > 0))
    forced = set(np.flatnonzero(one.floor[0] > 0).tolist())
    found: list[Whole] = []
    left, whole = LARGEST, True
    for size in range(1, min(len(pools), max(WIDEST, len(forced), int(one.families[0]))) + 1):
        for chosen in combinations(pools.tolist(), size):
            if not forced <= set(chosen):
                continue
            tops = [_top(one, pool, chosen) for pool in chosen]
            work = int(np.prod([max(1, t) for t in tops[:-1]]))
            left -= work
            if left < 0:
                whole = False
                break
            mixes = _of(one, chosen, tops)
            if len(mixes):
                found.append(mixes)
    if one.load[0] <= 0 and one.least[0] <= 0 and not forced:
        found.append(np.zeros((1, fleet.pools), dtype=np.int64))
    if not found:
        return Enumerated(np.zeros((0, fleet.pools), dtype=np.int64), np.inf if whole else 0.0, whole)
    replicas = np.concatenate(found)
    at = np.zeros(len(replicas), dtype=np.intp)
    cost = one.price(at, replicas) + (replicas * one.devices[at]) @ prices
    order = np.argsort(cost, kind="stable")
    best = float(cost[order[0]])
    order = order[:KEPT] if spare is None else order[cost[order] <= best + spare + SLACK * max(1.0, best)]
    return Enumerated(replicas[order], best if whole else 0.0, whole)


def _top(one: Fleet, pool: int, chosen: tuple[int, ...]) -> int:
    """Most replicas worth trying: what the load or the least number could need, and any number where spot has to be diluted."""
    most = int(min(one.most[0, pool], one.maximum[0]))
    if one.spot_percent[0] < 100 and one.spot[list(chosen)].any():
        return most
    capacity = min(one.capacity[0, list(chosen)]) if one.even[0] else one.capacity[0, pool]
    need = int(np.ceil(one.load[0] / capacity - SLACK))
    return min(most, max(1, need, int(one.least[0]), int(one.floor[0, pool])))


def _of(one: Fleet, chosen: tuple[int, ...], tops: list[int]) -> Whole:
    """(M, P) with at least one replica of each of `chosen`, that carry the load and keep the rules."""
    floor = [max(1, int(one.floor[0, pool])) for pool in chosen]
    if any(top < low for top, low in zip(tops, floor, strict=True)):
        return np.zeros((0, one.pools), dtype=np.int64)
    axes = [np.arange(low, top + 1) for low, top in zip(floor[:-1], tops[:-1], strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes)) if axes else np.zeros((1, 0), dtype=np.int64)
    last, first = chosen[-1], list(chosen[:-1])
    if one.even[0]:
        slowest = float(one.capacity[0, list(chosen)].min())
        missing = np.ceil(one.load[0] / slowest - SLACK) - grid.sum(axis=1)
    else:
        missing = np.ceil((one.load[0] - grid @ one.capacity[0, first]) / one.capacity[0, last] - SLACK)
    need = np.maximum(missing, np.maximum(floor[-1], one.least[0] - grid.sum(axis=1)))
    percent = int(one.spot_percent[0])
    if percent < 100 and not one.spot[last] and one.spot[first].any():
        spot = grid[:, one.spot[first]].sum(axis=1)
        diluted = np.ceil(spot * 100 / percent - SLACK) - grid.sum(axis=1) if percent else np.where(spot > 0, np.inf, 0.0)
        need = np.maximum(need, diluted)
    good = need <= one.most[0, last]
    replicas = np.zeros((int(good.sum()), one.pools), dtype=np.int64)
    replicas[:, first] = grid[good]
    replicas[:, last] = need[good].astype(np.int64)
    at = np.zeros(len(replicas), dtype=np.intp)
    return replicas[one.keeps(at, replicas)]
