"""Mixes of many workloads side by side, each kept once: what the prices are computed over, and what a plan is put together from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steelyard.core.planning.fleet import Fleet, Reals, Whole
from steelyard.core.planning.mixes import Index

_SEED = 20_261_125


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """row: (M,) workload, ascending. replicas: (M, P). cost: (M,) money per hour at no price. devices: (M, L) of the pools with a limit."""

    row: Index
    replicas: Whole
    cost: Reals
    devices: Reals
    start: Index
    """(W,) where each workload's columns begin. Every workload has one."""

    @classmethod
    def of(cls, fleet: Fleet, row: Index, replicas: Whole) -> Columns:
        """Sorted, without repetitions."""
        # Two different mixes of a workload meet in one 64-bit sum once in 1e19.
        weight = np.random.default_rng(_SEED).integers(1, 2**62, fleet.pools, dtype=np.int64)
        with np.errstate(over="ignore"):
            name = replicas @ weight
        order = np.lexsort((name, row))
        row, replicas, name = row[order], replicas[order], name[order]
        new = np.ones(row.size, dtype=bool)
        new[1:] = (row[1:] != row[:-1]) | (name[1:] != name[:-1])
        row, replicas = row[new], replicas[new]
        limited = np.isfinite(fleet.limit)
        return cls(
            row=row,
            replicas=replicas,
            cost=fleet.price(row, replicas),
            devices=(replicas * fleet.devices[row])[:, limited],
            start=np.searchsorted(row, np.arange(fleet.workloads)),
        )

    def and_(self, fleet: Fleet, row: Index, replicas: Whole) -> Columns:
        """With these too."""
        return Columns.of(fleet, np.concatenate([self.row, row]), np.concatenate([self.replicas, replicas]))

    def cheapest(self, prices: Reals) -> Index:
        """(W,) the column of least priced cost of each workload, the first of equal ones. prices: (L,)."""
        priced = self.cost + self.devices @ prices
        at_least = np.flatnonzero(priced <= np.minimum.reduceat(priced, self.start)[self.row])
        return at_least[np.searchsorted(self.row[at_least], np.arange(self.start.size))]
