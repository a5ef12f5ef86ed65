"""The cheapest mixes of each workload at given prices of what is shared, under all the rules of its own: the sub-problem of the fleet's plan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

import numpy as np

from steelyard.core.planning.fleet.covers import covers
from steelyard.core.planning.fleet.fleet import TOLERANCE, Flags, Fleet, Index, Reals, Whole
from steelyard.core.planning.fleet.search import Search

MOST_TRIED = 20_000
"""Counts of one workload at one depth."""
DEEPEST = 1_000_000
"""The same of those together for which that was not enough."""
KEPT = 6
"""Best mixes of a workload that are handed back: a shortage is met by those next to the best."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixes:
    """bound: (W,) of each workload's cost at the prices; inf where its own rules allow no mix. exact: (W,) whether a mix has it; where all
    within a slack are asked for, whether they are all there.

    row: (M,) the workload of each mix, ascending, the cheapest of each first. replicas: (M, P).
    """

    bound: Reals
    exact: Flags
    row: Index
    replicas: Whole

    def instead(self, workloads: Index, found: Mixes) -> Mixes:
        """With those found for some workloads, numbered among themselves."""
        bound, exact = self.bound.copy(), self.exact.copy()
        bound[workloads], exact[workloads] = np.maximum(bound[workloads], found.bound), found.exact
        kept = ~np.isin(self.row, workloads)
        row = np.concatenate([self.row[kept], workloads[found.row]])
        order = np.argsort(row, kind="stable")
        return Mixes(bound=bound, exact=exact, row=row[order], replicas=np.concatenate([self.replicas[kept], found.replicas])[order])


def singles(fleet: Fleet) -> tuple[Index, Whole]:
    """Every workload on every pool alone that carries it by its rules: (row (M,), replicas (M, P))."""
    with np.errstate(divide="ignore", invalid="ignore"):
        need = np.maximum(np.ceil(fleet.load[:, None] / fleet.capacity - TOLERANCE), fleet.least[:, None])
    row, pool = np.nonzero((fleet.capacity > 0) & (need <= fleet.most))
    replicas = np.zeros((row.size, fleet.pools), dtype=np.int64)
    replicas[np.arange(row.size), pool] = need[row, pool]
    good = fleet.keeps(row, replicas)
    return row[good], replicas[good]


def mixes(fleet: Fleet, prices: Reals, slack: float | None = None, kept: int | None = None, known: Reals | None = None) -> Mixes:
    """The KEPT best mixes at `prices`: (P + B,) money per hour and device, and money per money, not negative. With `slack` (money per hour)
    instead all mixes without a replica to spare that cost no more than that above the best; `kept` of a workload at most.

    known: (W,) what a mix of each workload costs at the prices: none that costs clearly more is looked at.
    """
    found = search_mixes(fleet, prices, slack, kept, MOST_TRIED, known)
    # The few workloads for which that was too short are searched further.
    rest = np.flatnonzero(~found.exact & (found.bound < inf))
    if not rest.size or DEEPEST // rest.size <= MOST_TRIED:
        return found
    deeper = search_mixes(fleet.only(rest), prices, slack, kept, DEEPEST // rest.size, None if known is None else known[rest])
    return found.instead(rest, deeper)


def search_mixes(fleet: Fleet, prices: Reals, slack: float | None, kept: int | None, effort: int, known: Reals | None = None) -> Mixes:
    """The same within so many counts tried of one workload at one depth; where that is too few, the bound is that of what was left out."""
    own = fleet
    payers = prices[fleet.pools :]
    if payers.any():
        factor = 1.0 + np.where(fleet.payer >= 0, np.append(payers, 0.0)[fleet.payer], 0.0)[:, None]
        own = replace(fleet, cost=fleet.cost * factor, added=fleet.added * factor)
    search = Search(covers(own, prices[: fleet.pools], slack or 0.0), fleet.workloads, slack, known)
    search.run(effort)
    found = search.found(KEPT if slack is None and kept is None else kept)
    replicas = fleet.floor[found.row]
    for pool, count in zip(found.pools.T, found.counts.T, strict=True):
        used = np.flatnonzero(pool >= 0)
        replicas[used, pool[used]] += count[used]
    return Mixes(bound=found.bound, exact=found.whole & (found.bound < inf), row=found.row, replicas=replicas)


def nearest(row: Index, many: int) -> Index:
    """About so many of a list: the first of every workload, as many of each. row: (M,) ascending, the nearest of each workload first."""
    if row.size <= many:
        return np.arange(row.size)
    rank = np.arange(row.size) - np.searchsorted(row, row)
    return np.flatnonzero(rank <= np.sort(rank)[many])
