"""One plan as one integer program: of some workloads the replicas on each pool they may use, of the others one mix out of a list.

Exact where mixes are too many to list. Two rows a workload hold what prices have proved of its replicas: they cost at least its least there, and
in a plan cheaper than the one known no more than the whole gap above it. The first alone brings the relaxation up to the Lagrangian bound
(Geoffrion 1974).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from steelyard.core.planning.fleet.fleet import ANY, TOLERANCE, Fleet, Index, Reals, Whole
from steelyard.core.planning.fleet.most_needed import most_needed, widest
from steelyard.core.planning.fleet.program import Program, solve

LARGEST = 10_000
"""Replicas of one pool: an integer is told from another by 1e-7 of it."""


@dataclass(frozen=True, slots=True)
class Placed:
    """replicas: (W, P), None where none was found. bound: no plan cheaper than the one known costs less; inf where there is none."""

    replicas: Whole | None
    bound: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """least: (W,) of each workload's mixes at the prices (P + B,). slack: by how much one of a better plan may cost more there; inf where no plan
    is known."""

    prices: Reals
    least: Reals
    slack: float


def place(fleet: Fleet, listed: Index, row: Index, mixes: Whole, known: Known, nodes: int) -> Placed:
    """The best plan found within so many nodes. The workloads `listed` get one of the mixes (M, P) of the workloads `row` (M,), ascending, that
    they have there; the others any replicas."""
    others = np.setdiff1d(np.arange(fleet.workloads), listed)
    part = fleet.only(others)
    top = _top(part)
    if (top > LARGEST).any():
        return Placed(None, -inf)
    if (top < part.floor).any():
        return Placed(None, inf)
    pairs = _Pairs(part, top)
    rows = _Rows(pairs, fleet.price(row, mixes))
    _own(rows, pairs)
    _priced(rows, pairs, known.prices, known.least[others], known.slack)
    one = np.ones(row.size)
    rows.add(np.searchsorted(listed, row), rows.mixes, one, np.ones(listed.size), np.ones(listed.size))
    _shared(rows, pairs, fleet.taken(row, mixes, rows.cost[rows.mixes]))
    solved = solve(rows.program(), nodes)
    if solved.values is None:
        return Placed(None, solved.bound)
    replicas = np.zeros_like(fleet.most)
    replicas[others[pairs.row], pairs.pool] = np.rint(solved.values[pairs.each]).astype(np.int64)
    taken = solved.values[rows.mixes] > 0.5
    replicas[row[taken]] = mixes[taken]
    return Placed(replicas if allowed(fleet, replicas) else None, solved.bound)


def allowed(fleet: Fleet, replicas: Whole) -> bool:
    """Whether (W, P) replicas keep every rule and every limit."""
    every = np.arange(fleet.workloads)
    missing = fleet.load - fleet.carried(every, replicas)
    if (missing > TOLERANCE * fleet.capacity.max(axis=1, initial=0.0)).any() or (
        replicas > np.where(fleet.capacity > 0, fleet.most, 0)
    ).any():
        return False
    if (replicas.sum(axis=1) < fleet.least).any() or ((replicas > 0).sum(axis=1) > widest(fleet)).any():
        return False
    taken = fleet.taken(every, replicas, fleet.price(every, replicas)).sum(axis=0)
    return bool(fleet.keeps(every, replicas).all() and (taken <= fleet.limits + TOLERANCE * np.maximum(1.0, fleet.limits)).all())


def _top(fleet: Fleet) -> Whole:
    """(W, P) replicas of a mix with none to slack, and no more than the pool's limit holds."""
    limited = np.isfinite(fleet.limit) & (fleet.devices > 0)
    room = np.floor(np.where(limited, fleet.limit, 0.0) / np.where(limited, fleet.devices, 1.0) + TOLERANCE)
    top: Whole = np.where(limited, np.minimum(most_needed(fleet), room), most_needed(fleet)).astype(np.int64)
    return top


class _Pairs:
    """Variables, in this order: the replicas of each pair that may have some; of some pairs those above the current ones; of some whether they
    are used; and of some workloads whether a family is."""

    def __init__(self, fleet: Fleet, top: Whole) -> None:
        self.fleet = fleet
        self.row, self.pool = np.nonzero(top)
        self.top = top[self.row, self.pool].astype(np.float64)
        self.capacity, self.devices = fleet.capacity[self.row, self.pool], fleet.devices[self.row, self.pool]
        self.current, self.added = fleet.current[self.row, self.pool], fleet.added[self.row, self.pool]
        several = fleet.families > 1
        wide = np.bincount(self.row, minlength=fleet.workloads) > widest(fleet)
        self.moved = np.flatnonzero((self.added > 0) & (self.current > 0) & (self.current < self.top))
        self.marked = np.flatnonzero((wide | several | fleet.even)[self.row])
        self.apart = np.flatnonzero(several[self.row[self.marked]])
        whose = self.row[self.marked[self.apart]], fleet.family[self.pool[self.marked[self.apart]]]
        families, self.family = np.unique(np.stack(whose, axis=1), axis=0, return_inverse=True)
        self.family_row = families[:, 0]
        sizes = np.array([self.row.size, self.moved.size, self.marked.size, len(families)])
        self.count = int(sizes.sum())
        self.each, self.more, self.used, self.met = np.split(np.arange(self.count), np.cumsum(sizes)[:-1])

    def cost(self, factor: Reals) -> Reals:
        """(N,) money per hour of every variable, times the workload's factor (W,)."""
        each = self.fleet.cost[self.row, self.pool] + np.where(self.current > 0, 0.0, self.added)
        cost = np.zeros(self.count)
        cost[self.each], cost[self.more] = each * factor[self.row], (self.added * factor[self.row])[self.moved]
        return cost

    @property
    def money(self) -> tuple[Index, Index]:
        """Variables that cost money, and their workloads."""
        return np.concatenate([self.each, self.more]), np.concatenate([self.row, self.row[self.moved]])


class _Rows:
    """Rows of a program, block by block. cost: (N,) of the pairs' variables and then of `mixes`, one for each mix."""

    def __init__(self, pairs: _Pairs, mixes: Reals) -> None:
        self._pairs = pairs
        self.cost = np.concatenate([pairs.cost(np.ones(pairs.fleet.workloads)), mixes])
        self.mixes = np.arange(pairs.count, self.cost.size)
        self._blocks: list[tuple[Index, Index, Reals, Reals, Reals]] = []
        self._count = 0

    def add(self, row: Index, column: Index, value: Reals, least: Reals, most: Reals) -> None:
        """`least` <= sum of values * columns <= `most`: (R,) each. row: (K,) of the block."""
        self._blocks.append((row + self._count, column, value, least, most))
        self._count += least.size

    def pairs(self, first: Index, second: Index, value: Reals, other: Reals, most: Reals) -> None:
        """Each a row of two variables."""
        each = np.arange(first.size)
        self.add(np.tile(each, 2), np.concatenate([first, second]), np.concatenate([value, other]), np.full(first.size, -inf), most)

    def program(self) -> Program:
        """All rows. Replicas above the current ones are whole where replicas are, and a family is met where a pool of it is used."""
        pairs = self._pairs
        row, column, value, least, most = (np.concatenate(parts) for parts in zip(*self._blocks, strict=True))
        lower, upper, whole = np.zeros(self.cost.size), np.ones(self.cost.size), np.ones(self.cost.size, np.bool_)
        lower[pairs.each] = pairs.fleet.floor[pairs.row, pairs.pool]
        upper[pairs.each], upper[pairs.more] = pairs.top, (pairs.top - pairs.current)[pairs.moved]
        whole[pairs.more] = whole[pairs.met] = False
        return Program(cost=self.cost, lower=lower, upper=upper, whole=whole, least=least, most=most, row=row, column=column, value=value)


def _own(rows: _Rows, pairs: _Pairs) -> None:
    """The rules of each workload, and what the variables mean."""
    fleet, row, each, marked = pairs.fleet, pairs.row, pairs.each, pairs.marked
    free, one = np.full(fleet.workloads, inf), np.ones(row.size)
    size = np.maximum(fleet.load, TOLERANCE)
    alone = np.ceil(fleet.load[row] / pairs.capacity - TOLERANCE)
    fewest = np.full(fleet.workloads, inf)
    np.minimum.at(fewest, row, alone)
    # Whom no pool carries needs a replica that there is none of.
    least = np.maximum(fleet.least, np.where(fleet.even & (fleet.load > 0), np.where(np.isfinite(fewest), fewest, 1.0), 0.0))
    carried = np.where(fleet.even, -inf, (fleet.load - TOLERANCE * fleet.capacity.max(axis=1, initial=0.0)) / size)
    rows.add(row, each, pairs.capacity / size[row], carried, free)
    rows.add(row, each, one, least, np.where(fleet.maximum < ANY, fleet.maximum, inf))
    part = fleet.spot_percent / 100
    rows.add(row, each, fleet.spot[pairs.pool] - part[row], -free, np.where(part < 1, 0.0, inf))
    rows.pairs(each[pairs.moved], pairs.more, one[pairs.moved], -one[pairs.moved], pairs.current[pairs.moved].astype(np.float64))

    rows.pairs(each[marked], pairs.used, 1 / pairs.top[marked], -one[marked], np.zeros(marked.size))
    rows.add(row[marked], pairs.used, one[marked], -free, widest(fleet).astype(np.float64))
    # Spread evenly: a pool that is used asks for as many replicas in all as it would need alone.
    evenly = np.flatnonzero(fleet.even[row[marked]])
    whose = row[marked[evenly]]
    same, pair = np.nonzero(whose[:, None] == row)
    rows.add(
        np.concatenate([same, np.arange(evenly.size)]), np.concatenate([pair, pairs.used[evenly]]),
        np.concatenate([np.ones(pair.size), fewest[whose] - alone[marked[evenly]]]), fewest[whose], np.full(evenly.size, inf),
    )  # fmt: skip
    apart, met = pairs.apart, np.arange(pairs.met.size)
    rows.pairs(pairs.used[apart], each[marked[apart]], one[apart], -one[apart], np.zeros(apart.size))
    rows.add(
        np.concatenate([met, pairs.family]), np.concatenate([pairs.met, pairs.used[apart]]),
        np.concatenate([np.ones(met.size), -one[apart]]), np.full(met.size, -inf), np.zeros(met.size),
    )  # fmt: skip
    asked = np.where((fleet.families > 1) & (np.bincount(row, minlength=fleet.workloads) > 0), fleet.families, 0)
    rows.add(pairs.family_row, pairs.met, np.ones(met.size), asked.astype(np.float64), free)


def _shared(rows: _Rows, pairs: _Pairs, taken: Reals) -> None:
    """The pools' devices and the budgets' money, each in the size of its limit. taken: (M, P + B) by the mixes."""
    limits = pairs.fleet.limits
    size = np.where(np.isfinite(limits), np.maximum(limits, 1.0), 1.0)
    variable, whose = pairs.money
    paying = pairs.fleet.payer[whose] >= 0
    variable, budget = variable[paying], pairs.fleet.pools + pairs.fleet.payer[whose[paying]]
    mix, what = np.nonzero(taken)
    shared = np.concatenate([pairs.pool, budget, what])
    value = np.concatenate([pairs.devices, rows.cost[variable], taken[mix, what]])
    rows.add(shared, np.concatenate([pairs.each, variable, rows.mixes[mix]]), value / size[shared], np.full(size.size, -inf), limits / size)


def _priced(rows: _Rows, pairs: _Pairs, prices: Reals, least: Reals, slack: float) -> None:
    """What is known of each workload's mix at the prices."""
    fleet = pairs.fleet
    priced = pairs.cost(1.0 + np.where(fleet.payer >= 0, np.append(prices[fleet.pools :], 0.0)[fleet.payer], 0.0))
    priced[pairs.each] += prices[pairs.pool] * pairs.devices
    size = np.maximum(least, 1.0)
    variable, whose = pairs.money
    rows.add(whose, variable, priced[variable] / size[whose], least / size - TOLERANCE, (least + slack) / size + TOLERANCE)
