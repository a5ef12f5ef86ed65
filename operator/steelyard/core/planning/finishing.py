"""The plan of a small fleet made exact: optimal prices, all mixes that a cheaper plan may use at them, and the best choice among these.

Such a plan costs each workload, at any prices, no more than the gap (cost - bound) above its least there. Mixes near to that come first: the plan
that they give narrows the gap, until the list of all is short. Workloads of which it stays long get any replicas in the same program.
"""

from __future__ import annotations

from math import inf

import numpy as np

from steelyard.core.planning.columns import Columns
from steelyard.core.planning.fleet import ANY, SLACK, Fleet, Index, Reals, Whole
from steelyard.core.planning.integer_program import Known, place
from steelyard.core.planning.knapsack import MOST_WALKED, Mixes
from steelyard.core.planning.mixes import mixes
from steelyard.core.planning.pool_prices import dual_prices
from steelyard.core.planning.shortage import NEGLIGIBLE, Shortage

MOST_COLUMNS = 60_000
NEAR_COLUMNS = 4_000
"""Of a list that is to give better plans, and no proof."""
NODES = 300
"""Of the search tree of one program."""
ROUNDS = 10
"""Of prices."""
MOST_LISTED = 40_000
"""Combinations walked of one workload where all mixes within a sum are asked for."""
DEEPEST = 1_000_000
"""Combinations walked of those together for which that was not enough."""
NEAREST = 1 / 256
"""Of the gap, within which mixes are listed first."""
FARTHER = 3
"""Times as far each time."""
LONG = 2_000
"""Mixes of one workload from which on it gets any replicas instead of one of them."""
MOST_PAIRS = 60
"""Pairs of those workloads with their pools: beyond, a search ends with nothing that was not known."""
CLOSED = 1e-7
"""Gap that is none."""
_NONE = np.zeros(0, dtype=np.intp)


class Finishing:
    """replicas: (W, P) the best plan so far, None where there is none. bound: no plan costs less; inf where it is proved that there is none.

    prices: (P + B,), with each workload's `least` (W,) priced cost there. columns: what is chosen from.
    """

    def __init__(self, fleet: Fleet, columns: Columns, replicas: Whole | None, prices: Reals, least: Reals, bound: float) -> None:
        self.columns, self.replicas = columns, replicas
        self.prices, self.least, self.bound = prices, least, bound
        self._fleet = fleet
        self._limited = np.isfinite(fleet.limits)
        self._limit = fleet.limits[self._limited]

    @property
    def cost(self) -> float:
        """Money per hour of the plan; inf where there is none."""
        return inf if self.replicas is None else self._price(self.replicas)

    @property
    def closed(self) -> bool:
        """Whether nothing is left to find."""
        return self.bound >= self.cost * (1 - CLOSED)

    def finish(self, short: Shortage | None) -> None:
        """Find what can be found. short: what is missing, where no plan is known."""
        if self.closed:
            return
        if self.replicas is None:
            self._choose(self.columns.row, self.columns.replicas)
        if self.replicas is None and short is not None:
            # All mixes that are thrifty enough for any plan.
            thrifty = short.mixes(self._fleet, max(0.0, -short.missing) + NEGLIGIBLE, MOST_LISTED)
            self._choose_among(thrifty, inf, whole=True)
        if self.replicas is not None and not self.closed:
            self._sharpen()
            self._narrow()

    def _choose(self, row: Index, mixes: Whole, loose: Index = _NONE, spare: float = inf) -> float:
        """Take the best choice of these mixes, and of any replicas of the workloads `loose`; no other costs less than what is returned."""
        listed = np.setdiff1d(np.arange(self._fleet.workloads), loose)
        found = place(self._fleet, listed, row, mixes, Known(prices=self.prices, least=self.least, spare=spare), NODES)
        if found.replicas is not None and self._price(found.replicas) < self.cost:
            self.replicas = found.replicas
        return found.bound

    def _sharpen(self) -> None:
        """Better prices, until no mix is missing at the best ones over the columns."""
        for _ in range(ROUNDS):
            prices = np.zeros_like(self.prices)
            best = dual_prices(self.columns, self._limit)
            if best is None:
                return
            prices[self._limited] = best
            found = _mixes(self._fleet, prices)
            value = float(found.bound.sum() - best @ self._limit)
            if value > self._value:
                self.prices, self.least = prices, found.bound
            self.bound = max(self.bound, value)
            if value >= self.columns.value(best, self._limit) * (1 - SLACK):
                return
            self.columns = self.columns.and_(self._fleet, found.row, found.replicas)

    def _narrow(self) -> None:
        """Mixes ever farther from the best at the prices, until all that a cheaper plan may use are among them."""
        spare = NEAREST * (self.cost - self._value)
        while not self.closed:
            gap = self.cost - self._value
            spare = min(spare, gap)
            self._choose_among(_mixes(self._fleet, self.prices, spare), spare, whole=spare >= gap)
            # A gap that has shrunk may have a list that is whole.
            if spare >= gap and self.cost - self._value > gap / 2:
                return
            spare *= FARTHER

    def _choose_among(self, listed: Mixes, spare: float, *, whole: bool) -> None:
        """The best of the mixes listed; of workloads that have too many, of any replicas. whole: whether those of a cheaper plan are all there."""
        every = np.arange(self._fleet.workloads)
        size = np.where(listed.exact, np.bincount(listed.row, minlength=every.size), ANY)
        order = np.argsort(-size, kind="stable")
        pairs = np.cumsum((self._fleet.capacity[order] > 0).sum(axis=1))
        loose = order[(size[order] > LONG) & (pairs <= MOST_PAIRS)]
        kept = np.flatnonzero(~np.isin(listed.row, loose))
        near = kept[_nearest(listed.row[kept], MOST_COLUMNS if whole else NEAR_COLUMNS)]
        whole &= near.size == kept.size and bool(np.delete(listed.exact, loose).all())
        row, mixes = listed.row[near], listed.replicas[near]
        if self.replicas is not None:
            held = np.setdiff1d(every, loose)
            row, mixes = np.concatenate([row, held]), np.concatenate([mixes, self.replicas[held]])
        bound = self._choose(row, mixes, loose, spare)
        # Where a plan is known, that there is none says no more than that it is about the best.
        if whole and (bound < inf or self.replicas is None):
            self.bound = max(self.bound, min(bound, self.cost))

    def _price(self, replicas: Whole) -> float:
        return float(self._fleet.price(np.arange(self._fleet.workloads), replicas).sum())

    @property
    def _value(self) -> float:
        """What the prices prove."""
        return float(self.least.sum() - self.prices[self._limited] @ self._limit)


def _mixes(fleet: Fleet, prices: Reals, spare: float | None = None) -> Mixes:
    """The best mixes, or all within what is spare; the few workloads for which the usual walk is too short are walked further."""
    found = mixes(fleet, prices, spare, MOST_WALKED if spare is None else MOST_LISTED)
    rest = np.flatnonzero(~found.exact)
    if not rest.size or DEEPEST // rest.size <= MOST_LISTED:
        return found
    again = mixes(fleet.only(rest), prices, spare, DEEPEST // rest.size)
    bound, exact = found.bound.copy(), found.exact.copy()
    bound[rest], exact[rest] = np.maximum(bound[rest], again.bound), again.exact
    kept = ~np.isin(found.row, rest)
    row = np.concatenate([found.row[kept], rest[again.row]])
    order = np.argsort(row, kind="stable")
    return Mixes(bound=bound, exact=exact, row=row[order], replicas=np.concatenate([found.replicas[kept], again.replicas])[order])


def _nearest(row: Index, many: int) -> Index:
    """About so many of a list: the first of every workload, as many of each. row: (M,) ascending, the nearest of each workload first."""
    if row.size <= many:
        return np.arange(row.size)
    rank = np.arange(row.size) - np.searchsorted(row, row)
    return np.flatnonzero(rank <= np.sort(rank)[many])
