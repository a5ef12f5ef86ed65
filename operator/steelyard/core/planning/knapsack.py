"""The cheapest mixes of each workload at given pool prices where weights follow capacity: a covering knapsack over at most WIDEST pools, for
all workloads at once.

The relaxation to fractions gives a workload a lower bound, a marginal price of capacity, and for every count of every pool its excess: what
it costs beyond that bound. Of the pool at the margin any count is free of excess, so that pool completes the load last. A plan that beats
the best one known keeps the sum of the other pools' excesses within the difference between that plan and the bound. Few counts do; they
are walked in order of excess, one pool more at each depth. What is walked is exact; a workload with more than MOST_WALKED combinations
keeps its relaxation as the bound. (Pisinger and Toth, Knapsack Problems, 1998: a core around the break item.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steelyard.core.planning.fleet import SLACK, WIDEST, Flags, Fleet, Index, Reals, Whole

MOST_WALKED = 4_000
"""Combinations of one workload at one depth."""
FEW_WALKED = 100
"""The same where mixes are wanted and no proof."""
FEW = 3
"""Counts of one pool that are looked at before the best plan known has made the walk short."""
KEPT = 4
"""Best mixes of a workload that are handed back: a shortage is met by those next to the best."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixes:
    """bound: (W,) of each workload's cost at the prices; inf where the limits of its own allow no plan. exact: (W,) whether a mix has it.

    row: (M,) the workload of each mix, ascending, the cheapest of each first. replicas: (M, P).
    """

    bound: Reals
    exact: Flags
    row: Index
    replicas: Whole


def knapsack(fleet: Fleet, prices: Reals, spare: float | None = None, walked: int = MOST_WALKED) -> Mixes:
    """The KEPT best mixes at `prices`: (P,) money per hour and device, not negative. With `spare` (money per hour) instead all mixes that
    cost no more than that above the best; `exact` then says that they are all there. walked: combinations at most, by depth."""
    core = _Core(fleet, prices)
    budget = core.budget(core.known)
    size, few = core.size(budget), FEW * fleet.pools
    if (size > few).any():
        # A short walk first: what it finds makes the whole one short.
        short = _Walk(core, budget * np.minimum(1.0, few / np.maximum(size, 1)), None, walked)
        budget = core.budget(np.minimum(core.known, short.best))
    walk = _Walk(core, budget, spare, walked)
    exact = walk.whole & np.isfinite(walk.best)
    row, replicas = walk.kept()
    return Mixes(bound=np.where(exact, walk.best, core.bound), exact=exact, row=row, replicas=replicas)


def needed(fleet: Fleet) -> Whole:
    """(W, P) replicas of each pool alone; -1 where it does not carry the load."""
    with np.errstate(divide="ignore", invalid="ignore"):
        need = np.ceil(fleet.load[:, None] / fleet.capacity - SLACK)
    need = np.maximum(need, fleet.least[:, None])
    return np.where((fleet.capacity > 0) & (need <= fleet.most), need, -1).astype(np.int64)


class _Core:
    """The relaxation of each workload, and what each count of each pool exceeds it by."""

    def __init__(self, fleet: Fleet, prices: Reals) -> None:
        self.fleet = fleet
        rows = np.arange(fleet.workloads)
        allowed = fleet.capacity > 0
        capacity = np.where(allowed, fleet.capacity, 1.0)
        self.priced = np.where(allowed, fleet.cost + prices * fleet.devices, np.inf)
        dear = self.priced + fleet.added
        self.most = np.where(allowed, fleet.most, 0)
        self.held = np.minimum(fleet.current, self.most)

        rate = np.concatenate([self.priced / capacity, dear / capacity], axis=1)
        room = np.concatenate([self.held * capacity, (self.most - self.held) * capacity], axis=1)
        order = np.argsort(rate, axis=1, kind="stable")
        filled = np.cumsum(np.take_along_axis(room, order, axis=1), axis=1)
        self.possible = filled[:, -1] >= fleet.load * (1 - SLACK)
        at = np.minimum((filled < fleet.load[:, None] * (1 - SLACK)).sum(axis=1), 2 * fleet.pools - 1)
        margin = order[rows, at]
        self.marginal = margin % fleet.pools
        self.mu = np.where(self.possible & np.isfinite(rate[rows, margin]), rate[rows, margin], 0.0)

        mu = self.mu[:, None]
        with np.errstate(invalid="ignore"):
            self.near, self.far = self.priced - mu * capacity, dear - mu * capacity
        self.base = np.where(self.far < 0, self.most, np.where(self.near < 0, self.held, 0))
        self.base[~allowed] = 0
        self.capacity = capacity
        self.least_reduced = self._reduced(self.base, self.near, self.far, self.held)
        self.bound = np.where(self.possible, self.mu * fleet.load + self.least_reduced.sum(axis=1), np.inf)

        # All but the pool at the margin, as they stand where nothing deviates.
        self.base[rows, self.marginal] = 0
        self.base_carried = (self.base * capacity).sum(axis=1)
        self.base_count = self.base.sum(axis=1)
        self.base_wide = (self.base > 0).sum(axis=1)
        every = np.broadcast_to(rows[:, None], self.base.shape), np.broadcast_to(np.arange(fleet.pools), self.base.shape)
        self.base_cost = self.cost(*every, self.base).sum(axis=1)
        need = needed(fleet)
        alone = np.where(need >= 0, self.cost(*every, np.maximum(need, 0)), np.inf)
        self.known = alone.min(axis=1, initial=np.inf)

    def cost(self, row: Index, pool: Index, count: Whole) -> Reals:
        """Of that many replicas at the prices; 0 for none."""
        extra = np.maximum(count - self.fleet.current[row, pool], 0)
        return np.where(count > 0, count * np.where(count > 0, self.priced[row, pool], 0.0) + extra * self.fleet.added[row, pool], 0.0)

    def budget(self, known: Reals) -> Reals:
        """What the excesses of a better plan may sum to. Where no plan is known, two replicas of the pool at the margin are a guess."""
        rows = np.arange(self.fleet.workloads)
        guess = 2 * (self.priced + self.fleet.added)[rows, self.marginal]
        with np.errstate(invalid="ignore"):
            room = np.where(np.isfinite(known), known - self.bound, guess)
        return np.where(self.possible, np.maximum(room, 0.0) + SLACK * np.maximum(1.0, np.abs(self.mu * self.fleet.load)), 0.0)

    @staticmethod
    def _reduced(count: Whole, near: Reals, far: Reals, held: Whole) -> Reals:
        below = np.minimum(count, held)
        above = count - below
        with np.errstate(invalid="ignore"):
            return np.where(below > 0, below * near, 0.0) + np.where(above > 0, above * far, 0.0)

    def excess(self, row: Index, pool: Index, count: Whole) -> Reals:
        """Of that many replicas over the relaxation."""
        return self._reduced(count, self.near[row, pool], self.far[row, pool], self.held[row, pool]) - self.least_reduced[row, pool]

    def ranges(self, budget: Reals) -> tuple[Whole, Whole]:
        """(W, P) lowest and highest count whose excess alone is within the budget. The excess is convex with its least at `base`."""
        left, base, held = budget[:, None], self.base, self.held
        with np.errstate(divide="ignore", invalid="ignore"):
            # Upwards through the replicas held and from there on; downwards from all there are to those held, and from there to none.
            to_far = np.where(base < held, held * self.near, 0.0)
            beyond = np.where(self.far > 0, (left - to_far) / self.far, np.inf)
            up = np.where(to_far > left, left / self.near, np.maximum(held - base, 0) + beyond)
            to_near = np.where(base > held, (held - base) * self.far, 0.0)
            below = np.where(self.near < 0, (to_near - left) / self.near, np.inf)
            down = np.where(to_near > left, left / -self.far, np.maximum(base - held, 0) + below)
        need = np.maximum(np.ceil(self.fleet.load[:, None] / self.capacity - SLACK), self.fleet.least[:, None])
        top = np.minimum(self.most, np.maximum(need, self.base))
        high = np.where(self.most > 0, np.minimum(top, base + np.floor(np.minimum(up, top) + SLACK)), 0).astype(np.int64)
        low = np.where(base > 0, np.maximum(0, base - np.floor(np.minimum(down, base) + SLACK)), 0).astype(np.int64)
        rows = np.arange(self.fleet.workloads)
        high[rows, self.marginal] = low[rows, self.marginal] = 0
        stuck = ~self.possible
        high[stuck], low[stuck] = self.base[stuck], self.base[stuck]
        return low, high

    def size(self, budget: Reals) -> Whole:
        """(W,) how many counts of single pools are within it."""
        low, high = self.ranges(budget)
        size: Whole = (high - low).sum(axis=1)
        return size


class _Walk:
    """All mixes of each workload whose excess is within its budget. `best`: (W,); `whole`: (W,) whether all were walked."""

    def __init__(self, core: _Core, budget: Reals, spare: float | None, walked: int) -> None:
        self._core, fleet = core, core.fleet
        self._spare = spare
        self._most = walked
        more_budget = spare or 0.0
        budget = budget + np.where(core.possible, more_budget, 0.0)
        self.whole = core.possible.copy()
        self.best = np.full(fleet.workloads, np.inf)
        self._found: list[tuple[Index, Reals, Whole, Index]] = []
        row, pool, count = self._entries(budget)
        excess = core.excess(row, pool, count)
        scale = np.maximum(budget, 1e-12)
        order = np.lexsort((excess, row))
        self._row, self._pool, self._count, excess = row[order], pool[order], count[order], excess[order]
        step = self._count - core.base[self._row, self._pool]
        carried = step * core.capacity[self._row, self._pool]
        cost = core.cost(self._row, self._pool, self._count) - core.cost(self._row, self._pool, core.base[self._row, self._pool])
        wide = (self._count > 0).astype(np.int64) - (core.base[self._row, self._pool] > 0)
        # One ascending array of all workloads' excesses, so that one search finds how far each budget reaches.
        key = self._row + (1 - 1e-6) * np.clip(excess / scale[self._row], 0, 1)
        begin = np.searchsorted(self._row, np.arange(fleet.workloads))

        # One state is one mix without its marginal pool: the workload, the last entry used, and sums over the entries used.
        at = np.arange(fleet.workloads)[core.possible]
        last = begin[at] - 1
        chain = np.zeros((at.size, 0), dtype=np.intp)
        spent, load, money = (np.zeros(at.size) for _ in range(3))
        number, breadth = (np.zeros(at.size, dtype=np.int64) for _ in range(2))
        left = budget.copy()
        for _ in range(fleet.pools + 1):
            self._complete(at, load, money, number, breadth, chain)
            left = np.where(np.isfinite(self.best), np.minimum(left, core.budget(self.best) + more_budget), left)
            reach = np.clip(np.nan_to_num(left[at] - spent) / scale[at], 0, 1)
            stop = np.searchsorted(key, at + (1 - 1e-6) * reach + 1e-9, side="right")
            stop = np.where(left[at] >= spent, stop, 0)
            more = np.maximum(stop - (last + 1), 0)
            many = np.bincount(at, weights=more, minlength=fleet.workloads) > self._most
            self.whole &= ~many
            more[many[at]] = 0
            if not more.any():
                break
            parent = np.repeat(np.arange(at.size), more)
            entry = last[parent] + 1 + np.arange(parent.size) - np.repeat(np.cumsum(more) - more, more)
            fits = spent[parent] + excess[entry] <= left[at[parent]]
            for before in chain.T:
                fits &= self._pool[before[parent]] != self._pool[entry]
            breadths = breadth[parent] + wide[entry]
            fits &= (core.base_wide[at[parent]] > 0) | (breadths <= WIDEST)
            parent, entry = parent[fits], entry[fits]
            chain = np.column_stack([chain[parent], entry])
            at, last, spent = at[parent], entry, spent[parent] + excess[entry]
            load, money = load[parent] + carried[entry], money[parent] + cost[entry]
            number, breadth = number[parent] + step[entry], breadth[parent] + wide[entry]

    def _entries(self, budget: Reals) -> tuple[Index, Index, Whole]:
        """Every count within the budget that differs from `base`: (row, pool, count)."""
        low, high = self._core.ranges(budget)
        # No more counts than a walk may take: the rest of such a workload is not walked.
        many = (high - low).sum(axis=1) > self._most
        self.whole &= ~many
        base = self._core.base
        high, low = np.where(many[:, None], base, high), np.where(many[:, None], base, low)
        row, pool = np.nonzero(high > low)
        counts = (high - low)[row, pool]
        which = np.repeat(np.arange(row.size), counts)
        offset = np.arange(which.size) - np.repeat(np.cumsum(counts) - counts, counts)
        row, pool = row[which], pool[which]
        count = low[row, pool] + offset
        count += count >= base[row, pool]
        return row, pool, count

    def _complete(self, at: Index, load: Reals, money: Reals, number: Whole, breadth: Whole, chain: Index) -> None:
        """Add the pool at the margin, as many as the rest needs."""
        core, fleet = self._core, self._core.fleet
        pool = core.marginal[at]
        rest = fleet.load[at] - core.base_carried[at] - load
        last = np.maximum(np.ceil(rest / core.capacity[at, pool] - SLACK), 0).astype(np.int64)
        last = np.maximum(last, fleet.least[at] - core.base_count[at] - number)
        total = core.base_cost[at] + money + core.cost(at, pool, last)
        good = (last <= core.most[at, pool]) & (core.base_wide[at] + breadth + (last > 0) <= WIDEST)
        row, total, last, chain = at[good], total[good], last[good], chain[good]
        np.minimum.at(self.best, row, total)
        first = self._worth(row, total)
        self._found.append((row[first], total[first], last[first], chain[first]))

    def kept(self) -> tuple[Index, Whole]:
        """Those worth it of each workload, the cheapest first: (row (M,), replicas (M, P))."""
        row = np.concatenate([r for r, *_ in self._found])
        total = np.concatenate([t for _, t, *_ in self._found])
        replicas = np.concatenate([self._replicas(r, last, chain) for r, _, last, chain in self._found])
        first = self._worth(row, total)
        return row[first], replicas[first]

    def _worth(self, row: Index, total: Reals) -> Index:
        """The KEPT cheapest of each workload, or all within what is spare; ascending by workload and by cost."""
        order: Index = np.lexsort((total, row))
        if self._spare is None:
            rank = np.arange(row.size) - np.searchsorted(row[order], row[order])
            return order[rank < KEPT]
        most = self.best + self._spare + SLACK * np.maximum(1.0, np.abs(self.best))
        near: Index = order[total[order] <= most[row[order]]]
        return near

    def _replicas(self, row: Index, last: Whole, chain: Index) -> Whole:
        replicas = self._core.base[row].copy()
        for entry in chain.T:
            replicas[np.arange(row.size), self._pool[entry]] = self._count[entry]
        replicas[np.arange(row.size), self._core.marginal[row]] = last
        return replicas
