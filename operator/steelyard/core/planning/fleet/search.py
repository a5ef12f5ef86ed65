"""Branch and bound over the mixes of all workloads, side by side in arrays.

The pools of a covering problem stand in ascending order of what a request costs there. A mix is a chain of pools in that order: each takes a
count of its own, the last one whatever completes the need. What is left to carry costs at least its part at the next pool's rate, so that
chains which cannot beat the best mix known end early (Pisinger and Toth, Knapsack Problems, 1998). Rules about several pools are asked of the
last pool: the fewest replicas that keep them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

import numpy as np

from steelyard.core.planning.fleet.covers import Covers
from steelyard.core.planning.fleet.fleet import TOLERANCE, Flags, Index, Reals, Whole

BLOCK = 100_000
"""Chains that are extended at once: what fits a processor's cache, and bounds memory."""
MOST_KEPT = 2_000_000
"""Mixes of all workloads that are kept before the search ends with what it has."""
FIRST = 64
"""Counts of one workload that are tried at one depth where no mix is known: what they find makes the search short."""
NEAR = 5e-3
"""Part of its cost by which a mix may cost more than the best so far to be kept."""


@dataclass(frozen=True, slots=True)
class Found:
    """bound: (W,) no mix costs less; inf where there is none. whole: (W,) whether nothing was left out.

    row: (M,) the workload of each mix. pools, counts: (M, K), pool -1 where there is none; floors are not in them.
    """

    bound: Reals
    whole: Flags
    row: Index
    pools: Index
    counts: Whole


@dataclass(frozen=True, slots=True)
class _Chains:
    """S beginnings of mixes. at: position of the last pool. left: load to be carried. spent: cost so far, with the prices of rules.
    number: replicas. debt: of spot. met: families. pairs: (S, 2 * K) positions and counts."""

    row: Index
    at: Index
    left: Reals
    spent: Reals
    number: Whole
    debt: Whole
    width: Whole
    met: Whole
    positions: tuple[Index, ...]
    counts: tuple[Whole, ...]

    def some(self, which: Index) -> _Chains:
        """Those."""
        return _Chains(
            self.row[which], self.at[which], self.left[which], self.spent[which], self.number[which], self.debt[which],
            self.width[which], self.met[which], tuple(p[which] for p in self.positions), tuple(c[which] for c in self.counts),
        )  # fmt: skip


class Search:
    """Of all problems. After `run`, `best` (W,) is the least cost found and `cut` (W,) the least that what was left out may cost.

    slack: None for the best mixes alone; else all within that of the best are kept. known: (W,) what a mix of each costs, where one is known.
    """

    def __init__(self, covers: Covers, workloads: int, slack: float | None, known: Reals | None) -> None:
        self._covers, self._slack = covers, slack
        self._effort = FIRST
        # What costs little more than the best is kept too, so that it is to be found.
        self.best = np.full(workloads, inf) if known is None else known + NEAR * np.abs(known)
        self.cut = np.full(workloads, inf)
        self._kept: list[tuple[Index, Reals, tuple[Index, ...], tuple[Whole, ...]]] = []
        self._size = 0
        by_row = (-1, max(covers.positions, 1))
        self._coupled = (covers.families > 0) | covers.spot_step.reshape(by_row).any(axis=1) | covers.forced.reshape(by_row).any(axis=1)
        """(R,) whether a rule may ask for more than the load does."""
        self._stride, self._wide = covers.positions, covers.positions + 1

    def run(self, effort: int) -> None:
        """Try so many counts of one workload at one depth; a few of those at first whose rules no pool alone keeps."""
        covers = self._covers
        rows = np.flatnonzero(covers.usable >= 0)
        ruled = self._coupled[rows] | (covers.count_price[rows] > 0)
        self._start(rows[ruled], FIRST)
        if self._slack is not None:
            self._kept.clear()
            self._size = 0
        self.cut[:] = inf
        self._start(rows, effort)

    def _start(self, rows: Index, effort: int) -> None:
        """From mixes of one pool to mixes of as many as are allowed."""
        covers, self._effort = self._covers, effort
        nothing = np.zeros(rows.size, dtype=np.int64)
        start = _Chains(
            rows, np.full(rows.size, -1, dtype=np.intp), covers.load[rows], covers.spent[rows], nothing, covers.spot_debt[rows], nothing, nothing, (), ()
        )  # fmt: skip
        done = self._complete(start)
        self._keep(start.some(np.flatnonzero(done)))
        self._extend(start.some(np.flatnonzero(~done)))

    # Bounds.

    def _limit(self, row: Index) -> Reals:
        """(S,) cost from which on a chain is of no interest."""
        best = self.best[self._covers.owner[row]]
        if self._slack is None:
            return best - 1e-12 * np.where(np.isfinite(best), np.abs(best), 0.0)
        return best + self._slack + TOLERANCE * np.where(np.isfinite(best), np.maximum(1.0, np.abs(best)), 0.0)

    def _missing(self, chains: _Chains) -> Whole:
        """(S,) replicas that are missing at least, whatever the load: of the least number, and one of each family."""
        covers, row = self._covers, chains.row
        missing: Whole = np.maximum(np.maximum(covers.least[row] - chains.number, covers.families[row] - chains.met), 1)
        return missing

    # One depth.

    def _extend(self, chains: _Chains) -> None:
        if not chains.row.size:
            return
        if self._size > MOST_KEPT:
            np.minimum.at(self.cut, self._covers.owner[chains.row], chains.spent)
            return
        which, position, bound = self._next(chains)
        self._finish(chains, which, position)
        for block in self._children(chains, which, position, bound):
            self._extend(block)

    def _next(self, chains: _Chains) -> tuple[Index, Index, Reals]:
        """(C,) every chain with every position at which it may go on, and what it then costs at least."""
        covers = self._covers
        limit, usable = self._limit(chains.row), covers.usable[chains.row]
        left, missing = np.maximum(chains.left, 0.0), self._missing(chains)
        which, position = np.arange(chains.row.size), chains.at + 1
        found: list[tuple[Index, Index, Reals]] = []
        while which.size:
            good = position < usable[which]
            which, position = which[good], position[good]
            at = chains.row[which] * self._wide + position
            bound = chains.spent[which] + np.maximum(left[which] * covers.rate[at], missing[which] * covers.cheapest[at])
            # Later positions cost more: one that costs too much ends the search.
            good = bound <= limit[which]
            which, position = which[good], position[good]
            found.append((which, position, bound[good]))
            position = position + 1
        which, position, bound = (np.concatenate(parts) for parts in zip(*found, strict=True))
        if covers.forced.any():
            wide = chains.width[which] + 1 - covers.forced[chains.row[which] * self._stride + position]
            good = wide <= covers.width[chains.row[which]]
            which, position, bound = which[good], position[good], bound[good]
        return which, position, bound

    def _finish(self, chains: _Chains, which: Index, position: Index) -> None:
        """The mixes whose last pool is there."""
        covers = self._covers
        row = chains.row[which]
        pair = row * self._stride + position
        number, step = chains.number[which], covers.spot_step[pair]
        last = np.maximum(np.ceil(chains.left[which] / covers.capacity[pair] - TOLERANCE), np.maximum(covers.least[row] - number, 1))
        room = np.minimum(covers.most[pair], covers.maximum[row] - number)
        if covers.coupled:
            debt = chains.debt[which]
            with np.errstate(divide="ignore", invalid="ignore"):
                change = np.abs(step)
                last = np.where(step < 0, np.maximum(last, np.ceil(debt / change)), last)
                room = np.where(step > 0, np.minimum(room, np.floor(-debt / change)), np.where((step == 0) & (debt > 0), 0, room))
            room = np.where(chains.met[which] + self._new_family(chains, which, pair) >= covers.families[row], room, 0)
        good = np.flatnonzero(last <= room)
        which, pair, row, position = which[good], pair[good], row[good], position[good]
        count = last[good].astype(np.int64)
        cost = self._unruled(
            row, chains.spent[which] + self._price(pair, count), number[good] + count, chains.debt[which] + count * step[good]
        )
        owner = covers.owner[row]
        np.minimum.at(self.best, owner, cost)
        near = np.flatnonzero(cost <= self._kept_limit(owner))
        self._keep_chains(chains, which[near], position[near], count[near], cost[near])

    def _children(self, chains: _Chains, which: Index, position: Index, bound: Reals) -> Iterator[_Chains]:
        """Chains that have a count at the position and go on behind it."""
        covers = self._covers
        row = chains.row[which]
        deep = len(chains.positions) + 1
        more = position + 1 < covers.usable[row]
        if not covers.forced.any():
            more &= deep < covers.width[row]
        which, position, row, bound = which[more], position[more], row[more], bound[more]
        low, high = self._counts(chains, which, position)
        good = high >= low
        which, position, row, low, high, bound = which[good], position[good], row[good], low[good], high[good], bound[good]
        many = high - low + 1
        total = np.bincount(covers.owner[row], weights=many, minlength=self.best.size)
        stride = np.ceil(total / self._effort).astype(np.int64)[covers.owner[row]]
        left_out = stride > 1
        if left_out.any():
            np.minimum.at(self.cut, covers.owner[row[left_out]], bound[left_out])
        stride = np.maximum(stride, 1)
        many = (high - low) // stride + 1
        ends = np.cumsum(many)
        begin = 0
        while begin < which.size:
            done = ends[begin - 1] if begin else 0
            end = max(begin + 1, int(np.searchsorted(ends, done + BLOCK, side="right")))
            part = slice(begin, end)
            yield self._child(
                chains,
                np.repeat(which[part], many[part]),
                np.repeat(position[part], many[part]),
                _counted_down(high[part], stride[part], many[part]),
            )
            begin = end

    def _counts(self, chains: _Chains, which: Index, position: Index) -> tuple[Whole, Whole]:
        """(C,) least and most replicas at the position of a chain that goes on and may still be of interest."""
        covers = self._covers
        row = chains.row[which]
        pair, at = row * self._stride + position, row * self._wide + position
        left, number = chains.left[which], chains.number[which]
        need = np.maximum(np.ceil(left / covers.capacity[pair] - TOLERANCE), covers.least[row] - number)
        most = np.minimum(covers.most[pair], covers.maximum[row] - number - 1)
        # With all that is needed here a further pool would be to spare, unless another rule asks for it.
        high = (
            np.where(self._coupled[row], np.where(covers.spot_step[pair] < 0, most, np.maximum(need, 1)), need - 1)
            if covers.coupled
            else need - 1
        )
        high = np.minimum(high, most)
        room = self._limit(chains.row[which]) - chains.spent[which]
        with np.errstate(divide="ignore", invalid="ignore"):
            here, behind = covers.rate[at], covers.rate[at + 1]
            high = np.minimum(high, np.floor(room / (here * covers.capacity[pair]) + TOLERANCE))
            gained = covers.capacity[pair] * (behind - here)
            low = np.where(gained > 1e-12 * behind * covers.capacity[pair], np.ceil((left * behind - room) / gained - 1e-6), 1)
        low = np.maximum(low, 1)
        return np.where(np.isfinite(low), low, 1).astype(np.int64), high.astype(np.int64)

    def _child(self, chains: _Chains, which: Index, position: Index, count: Whole) -> _Chains:
        covers = self._covers
        row = chains.row[which]
        pair = row * self._stride + position
        left = chains.left[which] - count * covers.capacity[pair]
        spent = chains.spent[which] + self._price(pair, count)
        behind = row * self._wide + position + 1
        ahead = spent + np.maximum(np.maximum(left, 0.0) * covers.rate[behind], covers.cheapest[behind])
        good = np.flatnonzero(ahead <= self._limit(row))
        which, position, count, row, pair = which[good], position[good], count[good], row[good], pair[good]
        nothing = chains.debt[which]
        child = _Chains(
            row, position, left[good], spent[good], chains.number[which] + count,
            chains.debt[which] + count * covers.spot_step[pair] if covers.coupled else nothing,
            chains.width[which] + 1 - covers.forced[pair] if covers.coupled else nothing,
            chains.met[which] + self._new_family(chains, which, pair) if covers.coupled else nothing,
            (*(p[which] for p in chains.positions), position), (*(c[which] for c in chains.counts), count),
        )  # fmt: skip
        return child.some(np.flatnonzero(~self._complete(child))) if covers.coupled else child

    # Figures.

    def _price(self, pair: Index, count: Whole) -> Reals:
        covers = self._covers
        priced: Reals = count * covers.price[pair] + np.maximum(count - covers.held[pair], 0) * covers.added[pair]
        return priced

    def _new_family(self, chains: _Chains, which: Index, pair: Index) -> Whole:
        """(C,) 1 where the pool's family is none of the chain's."""
        covers = self._covers
        family, row = covers.family[pair], chains.row[which]
        new = family >= 0
        for position in chains.positions:
            new &= covers.family[row * self._stride + position[which]] != family
        return new.astype(np.int64)

    def _complete(self, chains: _Chains) -> Flags:
        """(S,) whether a chain is a mix already: what is added to it would be to spare."""
        covers, row = self._covers, chains.row
        enough = (chains.left <= TOLERANCE) & (chains.number >= covers.least[row]) & (chains.met >= covers.families[row])
        complete: Flags = enough & (chains.debt <= 0) & (chains.number <= covers.maximum[row])
        return complete

    def _unruled(self, row: Index, spent: Reals, number: Whole, debt: Whole) -> Reals:
        """(M,) cost without the prices of rules: of so many replicas, with so much debt of spot."""
        covers = self._covers
        if covers.count_price.any():
            spent = spent - np.where(covers.count_price[row] > 0, covers.count_price[row] * (number - covers.maximum[row]), 0.0)
        return spent - covers.debt_price[row] * debt if covers.debt_price.any() else spent

    # What is kept.

    def _kept_limit(self, owner: Index) -> Reals:
        best = self.best[owner]
        more = NEAR * np.abs(best) if self._slack is None else self._slack
        limit: Reals = best + more + TOLERANCE * np.maximum(1.0, np.abs(best))
        return limit

    def _keep(self, chains: _Chains) -> None:
        """Mixes of which every replica is of a floor."""
        cost = self._unruled(chains.row, chains.spent, chains.number, chains.debt)
        np.minimum.at(self.best, self._covers.owner[chains.row], cost)
        self._kept.append((chains.row, cost, (), ()))

    def _keep_chains(self, chains: _Chains, which: Index, position: Index, count: Whole, cost: Reals) -> None:
        row = chains.row[which]
        pairs = tuple(row * self._stride + p[which] for p in chains.positions)
        self._size += row.size
        self._kept.append((row, cost, (*pairs, row * self._stride + position), (*(c[which] for c in chains.counts), count)))

    def found(self, keep: int | None) -> Found:
        """The `keep` cheapest of each workload, or all; ascending by workload, the cheapest first."""
        covers = self._covers
        depth = max(len(pairs) for _, _, pairs, _ in self._kept)
        row = np.concatenate([r for r, *_ in self._kept])
        cost = np.concatenate([c for _, c, *_ in self._kept])
        owner = covers.owner[row]
        near = np.flatnonzero(cost <= self._kept_limit(owner))
        order = near[np.lexsort((cost[near], owner[near]))]
        if keep is not None:
            rank = np.arange(order.size) - np.searchsorted(owner[order], owner[order])
            order = order[rank < keep]
        pools = np.concatenate([_padded([covers.pool[p] for p in pairs], r.size, depth, -1) for r, _, pairs, _ in self._kept])
        counts = np.concatenate([_padded(list(c), r.size, depth, 0) for r, _, _, c in self._kept])
        whole = self.cut >= self.best + (self._slack or 0.0)
        return Found(np.minimum(self.best, self.cut), whole, owner[order], pools[order], counts[order])


def _counted_down(high: Whole, stride: Whole, many: Whole) -> Whole:
    """`many` counts each from `high` down in steps of `stride`, one after the other."""
    offset = np.arange(int(many.sum())) - np.repeat(np.cumsum(many) - many, many)
    counted: Whole = np.repeat(high, many) - offset * np.repeat(stride, many)
    return counted


def _padded(columns: list[Whole], size: int, width: int, missing: int) -> Whole:
    """(M, K) of those columns, filled up to the width."""
    padded = np.full((size, width), missing, dtype=np.int64)
    for at, column in enumerate(columns):
        padded[:, at] = column
    return padded
