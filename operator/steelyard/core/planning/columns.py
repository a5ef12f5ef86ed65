"""Mixes of many workloads side by side, each kept once: what the prices are computed over, and what a plan is put together from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from steelyard.core.planning.fleet import Flags, Fleet, Index, Reals, Whole

_SEED = 20_261_125


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """row: (M,) workload, ascending. replicas: (M, P). cost: (M,) money per hour at no price. taken: (M, L) of what is shared and limited:
    devices of pools, money of budgets. name: (M,) the same for the same replicas."""

    row: Index
    replicas: Whole
    cost: Reals
    taken: Reals
    name: Whole
    start: Index
    """(W,) where each workload's columns begin. Every workload has one."""

    @classmethod
    def of(cls, fleet: Fleet, row: Index, replicas: Whole) -> Columns:
        """Sorted, without repetitions."""
        # Two different mixes of a workload meet in one 64-bit sum once in 1e19.
        weight = np.random.default_rng(_SEED).integers(1, 2**62, fleet.pools, dtype=np.int64)
        with np.errstate(over="ignore"):
            name = replicas @ weight
        cost = fleet.price(row, replicas)
        taken = fleet.taken(row, replicas, cost)[:, np.isfinite(fleet.limits)]
        return _sorted(fleet.workloads, row, name, replicas, cost, taken)

    def and_(self, fleet: Fleet, row: Index, replicas: Whole) -> Columns:
        """With these too."""
        return self._with(Columns.of(fleet, row, replicas), np.arange(self.row.size))

    def instead(self, fleet: Fleet, gone: Index, row: Index, replicas: Whole) -> Columns:
        """With these in place of all that the workloads `gone` had. The others' figures are the same in `fleet`."""
        return self._with(Columns.of(fleet, row, replicas), np.flatnonzero(~np.isin(self.row, gone)))

    def _with(self, new: Columns, kept: Index) -> Columns:
        each = (np.concatenate([getattr(self, name)[kept], getattr(new, name)]) for name in ("row", "name", "replicas", "cost", "taken"))
        return _sorted(self.start.size, *each)

    def costing(self, part: float) -> Columns:
        """At that part of their cost."""
        return replace(self, cost=self.cost * part)

    def places(self, replicas: Whole) -> Index:
        """(W,) the column of each workload that has these (W, P) replicas."""
        same = np.flatnonzero((self.replicas == replicas[self.row]).all(axis=1))
        return same[np.searchsorted(self.row[same], np.arange(self.start.size))]

    def cheapest(self, prices: Reals) -> Index:
        """(W,) the column of least priced cost of each workload, the first of equal ones. prices: (L,)."""
        priced = self.cost + self.taken @ prices
        at_least = np.flatnonzero(priced <= np.minimum.reduceat(priced, self.start)[self.row])
        return at_least[np.searchsorted(self.row[at_least], np.arange(self.start.size))]

    def near(self, prices: Reals, margin: Reals) -> Flags:
        """(M,) whether priced no more than `margin` (W,) above the least of the workload."""
        priced = self.cost + self.taken @ prices
        near: Flags = priced <= (np.minimum.reduceat(priced, self.start) + margin)[self.row]
        return near

    def some(self, kept: Flags) -> Columns:
        """Those only; at least one of every workload."""
        each = {name: getattr(self, name)[kept] for name in ("row", "name", "replicas", "cost", "taken")}
        return Columns(**each, start=np.searchsorted(each["row"], np.arange(self.start.size)))

    def value(self, prices: Reals, limit: Reals) -> float:
        """V(prices) over these columns. prices, limit: (L,)."""
        return float(np.minimum.reduceat(self.cost + self.taken @ prices, self.start).sum() - prices @ limit)


def _sorted(workloads: int, row: Index, name: Whole, replicas: Whole, cost: Reals, taken: Reals) -> Columns:
    order = np.lexsort((name, row))
    new = np.ones(order.size, dtype=np.bool_)
    new[1:] = (row[order][1:] != row[order][:-1]) | (name[order][1:] != name[order][:-1])
    order = order[new]
    return Columns(
        row=row[order],
        name=name[order],
        replicas=replicas[order],
        cost=cost[order],
        taken=taken[order],
        start=np.searchsorted(row[order], np.arange(workloads)),
    )
