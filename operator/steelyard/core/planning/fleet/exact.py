"""The plan of a small fleet made exact: optimal prices, all mixes that a cheaper plan may use at them, and the best choice among these.

Such a plan costs each workload, at any prices, no more than the gap (cost - bound) above its least there. Mixes near to that come first: the plan
that they give narrows the gap, until the list of all is short. Workloads of which it stays long get any replicas in the same program.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np

from steelyard.core.planning.fleet.column_generation import Ascent
from steelyard.core.planning.fleet.dual import dual_prices
from steelyard.core.planning.fleet.effort import Effort
from steelyard.core.planning.fleet.fleet import ANY, TOLERANCE, Fleet, Index, Whole
from steelyard.core.planning.fleet.infeasibility import NEGLIGIBLE, Proof
from steelyard.core.planning.fleet.integer_program import Known, place
from steelyard.core.planning.fleet.pricing import Mixes, mixes, nearest

NEAR_COLUMNS = 2_000
"""Of a list that is to give better plans, and no proof."""
ROUNDS = 10
"""Of prices."""
NEAREST = 1 / 256
"""Of the gap, within which mixes are listed first."""
FARTHER = 3
"""Times as far each time."""
LONG = 2_000
"""Mixes of one workload from which on it gets any replicas instead of one of them."""
MOST_PAIRS = 60
"""Pairs of those workloads with their pools: beyond, a search ends with nothing that was not known."""
FEWEST_NODES = 10
"""Of the search tree of a program, however large."""
CLOSED = 1e-7
"""Gap that is none."""
_NONE = np.zeros(0, dtype=np.intp)


def finish(fleet: Fleet, top: Ascent, proof: Proof | None, effort: Effort) -> Ascent:
    """The best plan that is found within the effort, and the bound; one of inf without a plan is a proof that there is none.

    proof: of how little there is to spare, where no plan is known.
    """
    exact = _Exact(fleet, top, effort)
    exact.finish(proof)
    return replace(exact.top, bound=exact.bound, replicas=exact.replicas)


class _Exact:
    """replicas: (W, P) the best plan so far, None where there is none. bound: no plan costs less; inf where it is proved that there is none.
    top: what is chosen from, and the best prices."""

    def __init__(self, fleet: Fleet, top: Ascent, effort: Effort) -> None:
        self.top, self.bound = top, top.bound
        self.replicas = top.replicas
        self._fleet, self._effort = fleet, effort
        self._columns_left = effort.columns
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

    def finish(self, proof: Proof | None) -> None:
        """Find a plan if there is none, then sharpen the bound and narrow the choice."""
        if self.closed:
            return
        if self.replicas is None:
            self._choose(self.top.columns.row, self.top.columns.replicas)
        if self.replicas is None and proof is not None:
            # All mixes that use little enough for any plan.
            sparing = proof.mixes(self._fleet, max(0.0, -proof.missing) + NEGLIGIBLE)
            self._choose_among(sparing, inf, whole=True)
        if self.replicas is not None and not self.closed:
            self._sharpen()
            self._narrow()

    def _choose(self, row: Index, replicas: Whole, free: Index = _NONE, slack: float = inf) -> float:
        """Take the best choice of these mixes, and of any replicas of the workloads `free`; no other costs less than what is returned."""
        listed = np.setdiff1d(np.arange(self._fleet.workloads), free)
        self._columns_left -= row.size
        nodes = min(self._effort.nodes, max(FEWEST_NODES, self._effort.work // max(row.size, 1)))
        found = place(self._fleet, listed, row, replicas, Known(prices=self.top.prices, least=self.top.least, slack=slack), nodes)
        if found.replicas is not None and self._price(found.replicas) < self.cost:
            self.replicas = found.replicas
        return found.bound

    def _sharpen(self) -> None:
        """Better prices, until no mix is missing at the best ones over the columns."""
        for _ in range(ROUNDS):
            columns = self.top.columns
            best = dual_prices(columns, self._limit)
            if best is None:
                return
            prices = np.zeros_like(self.top.prices)
            prices[self._limited] = best
            found = mixes(self._fleet, prices)
            value = float(found.bound.sum() - best @ self._limit)
            if value > self._value:
                self.top = replace(self.top, prices=prices, least=found.bound)
            self.bound = max(self.bound, value)
            if value >= columns.value(best, self._limit) * (1 - TOLERANCE):
                return
            self.top = replace(self.top, columns=columns.and_(self._fleet, found.row, found.replicas))

    def _narrow(self) -> None:
        """Mixes ever farther from the best at the prices, until all that a cheaper plan may use are among them."""
        slack = NEAREST * (self.cost - self._value)
        while not self.closed and self._columns_left > 0:
            gap = self.cost - self._value
            # What is left of the last step is not worth a step of its own.
            slack = gap if slack * FARTHER >= gap else slack
            self._choose_among(mixes(self._fleet, self.top.prices, slack), slack, whole=slack >= gap)
            # A gap that has shrunk may have a list that is whole.
            if slack >= gap and self.cost - self._value > gap / 2:
                return
            slack *= FARTHER

    def _choose_among(self, listed: Mixes, slack: float, *, whole: bool) -> None:
        """The best of the mixes listed; of workloads that have too many, of any replicas. whole: whether those of a cheaper plan are all there."""
        every = np.arange(self._fleet.workloads)
        size = np.where(listed.exact, np.bincount(listed.row, minlength=every.size), ANY)
        order = np.argsort(-size, kind="stable")
        pairs = np.cumsum((self._fleet.capacity[order] > 0).sum(axis=1))
        free = order[(size[order] > LONG) & (pairs <= MOST_PAIRS)]
        kept = np.flatnonzero(~np.isin(listed.row, free))
        near = kept[nearest(listed.row[kept], self._columns_left if whole else min(NEAR_COLUMNS, self._columns_left))]
        whole &= near.size == kept.size and bool(np.delete(listed.exact, free).all())
        row, replicas = listed.row[near], listed.replicas[near]
        if self.replicas is not None:
            held = np.setdiff1d(every, free)
            row, replicas = np.concatenate([row, held]), np.concatenate([replicas, self.replicas[held]])
        bound = self._choose(row, replicas, free, slack)
        # Where a plan is known, that there is none says no more than that it is about the best.
        if whole and (bound < inf or self.replicas is None):
            self.bound = max(self.bound, min(bound, self.cost))

    def _price(self, replicas: Whole) -> float:
        return float(self._fleet.price(np.arange(self._fleet.workloads), replicas).sum())

    @property
    def _value(self) -> float:
        """What the prices prove."""
        return float(self.top.least.sum() - self.top.prices[self._limited] @ self._limit)
