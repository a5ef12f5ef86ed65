"""Mixes of many workloads side by side, each kept once: what the prices are computed over, and what a plan is put together from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from steelyard.core.planning.fleet.fleet import Flags, Fleet, Index, Reals, Whole

_SEED = 20_261_125
NAME_BITS, MOVED_BITS = 36, 7
"""Of a mix's name and of the replicas it adds, in a key whose other bits are the workload, of which there may be a million."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """row: (M,) workload, ascending. replicas: (M, P). cost: (M,) money per hour at no price. taken: (M, L) of what is shared and limited:
    devices of pools, money of budgets. key: (M,) ascending; the same for the same mix."""

    row: Index
    replicas: Whole
    cost: Reals
    taken: Reals
    key: Whole
    start: Index
    """(W,) where each workload's columns begin. Every workload has one."""

    @classmethod
    def of(cls, fleet: Fleet, row: Index, replicas: Whole) -> Columns:
        """Sorted, without repetitions."""
        cost = fleet.price(row, replicas)
        taken = fleet.taken(row, replicas, cost)[:, np.isfinite(fleet.limits)]
        return _sorted(fleet.workloads, row, _key(fleet, row, replicas), replicas, cost, taken)

    def and_(self, fleet: Fleet, row: Index, replicas: Whole) -> Columns:
        """With these too."""
        return self._with(Columns.of(fleet, row, replicas), np.arange(self.row.size))

    def instead(self, fleet: Fleet, gone: Index, row: Index, replicas: Whole) -> Columns:
        """With these in place of all that the workloads `gone` had. The others' figures are the same in `fleet`."""
        return self._with(Columns.of(fleet, row, replicas), np.flatnonzero(~np.isin(self.row, gone)))

    def _with(self, new: Columns, kept: Index) -> Columns:
        each = (np.concatenate([getattr(self, name)[kept], getattr(new, name)]) for name in ("row", "key", "replicas", "cost", "taken"))
        return _sorted(self.start.size, *each)

    def places(self, fleet: Fleet, replicas: Whole) -> Index:
        """(W,) the column of each workload that has these (W, P) replicas; the one behind where there is none."""
        place: Index = np.searchsorted(self.key, _key(fleet, np.arange(fleet.workloads), replicas))
        return np.minimum(place, self.key.size - 1)

    def costing(self, part: float) -> Columns:
        """At that part of their cost."""
        return replace(self, cost=self.cost * part)

    def cheapest(self, prices: Reals) -> Index:
        """(W,) the column of least priced cost of each workload, the first of equal ones. prices: (L,)."""
        priced = self.cost + self.taken @ prices
        at_least = np.flatnonzero(priced <= np.minimum.reduceat(priced, self.start)[self.row])
        return at_least[np.searchsorted(self.row[at_least], np.arange(self.start.size))]

    def least(self, prices: Reals) -> Reals:
        """(W,) least priced cost of each workload. prices: (L,)."""
        least: Reals = np.minimum.reduceat(self.cost + self.taken @ prices, self.start)
        return least

    def near(self, prices: Reals, margin: Reals) -> Flags:
        """(M,) whether priced no more than `margin` (W,) above the least of the workload."""
        priced = self.cost + self.taken @ prices
        near: Flags = priced <= (np.minimum.reduceat(priced, self.start) + margin)[self.row]
        return near

    def some(self, kept: Flags) -> Columns:
        """Those only; at least one of every workload."""
        each = {name: getattr(self, name)[kept] for name in ("row", "key", "replicas", "cost", "taken")}
        return Columns(**each, start=np.searchsorted(each["row"], np.arange(self.start.size)))

    def value(self, prices: Reals, limit: Reals) -> float:
        """V(prices) over these columns. prices, limit: (L,)."""
        return float(self.least(prices).sum() - prices @ limit)


def _key(fleet: Fleet, row: Index, replicas: Whole) -> Whole:
    """(M,) by workload, then by how many replicas a mix adds: of mixes that cost the same the one that changes least comes first."""
    weight = np.random.default_rng(_SEED).integers(1, 2**62, fleet.pools, dtype=np.int64)
    with np.errstate(over="ignore"):
        name = replicas @ weight & ((1 << NAME_BITS) - 1)
    moved = np.minimum(np.maximum(replicas - fleet.current[row], 0).sum(axis=1), (1 << MOVED_BITS) - 1)
    key: Whole = ((row.astype(np.int64) << MOVED_BITS) + moved << NAME_BITS) + name
    return key


def _sorted(workloads: int, row: Index, key: Whole, replicas: Whole, cost: Reals, taken: Reals) -> Columns:
    """By key, each once. Two different mixes of a workload meet in a name once in 7e10 pairs; it then lacks one of them."""
    order = np.argsort(key, kind="stable")
    order = order[np.diff(key[order], prepend=-1) > 0]
    row = row[order]
    start = np.searchsorted(row, np.arange(workloads))
    return Columns(row=row, key=key[order], replicas=replicas[order], cost=cost[order], taken=taken[order], start=start)
