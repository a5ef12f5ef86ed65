"""What is missing, at least: prices at which no choice of mixes can be paid out of the limits prove that no plan exists.

V(prices) = sum over workloads of the least reduced use of what is limited - prices * limits. A plan would make it zero or less at any prices.
With prices in [0, 1] it is a lower bound of the units missing over all that is priced (the dual of "buy the fewest units more").
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from steelyard.core.planning.fleet.columns import Columns
from steelyard.core.planning.fleet.dual import ascend
from steelyard.core.planning.fleet.fleet import TOLERANCE, Fleet, Reals
from steelyard.core.planning.fleet.pricing import Mixes, mixes

SMOOTHINGS = (1e-1, 1e-2, 1e-3, 1e-3)
CLOSE = 1e-3
"""Part of what is missing that no mix which is still unknown would change: it is told, and nothing is decided by it."""
NEGLIGIBLE = 1e-4
"""Units that a plan's money may count for here: prices of zero would make every count of a pool equally good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """missing: units at least; above zero no plan exists. prices: (P + B,) of devices and money, in [0, 1]. columns: with mixes of little use
    met on the way. epsilon: what a unit of cost counts for, so little that all of it is below NEGLIGIBLE."""

    missing: float
    prices: Reals
    columns: Columns
    epsilon: float

    def mixes(self, fleet: Fleet, slack: float) -> Mixes:
        """All mixes within so many units of the mixes that use least at these prices."""
        return _least_use(fleet, self.prices, self.epsilon, slack)


def prove(fleet: Fleet, known: Columns) -> Proof:
    """The largest proof found. known: columns of every workload to begin with."""
    epsilon = NEGLIGIBLE / max(float(_most_expensive(fleet).sum()), 1e-9)
    limited = np.isfinite(fleet.limits)
    limit = fleet.limits[limited]
    columns = known
    prices = np.where(limited, 0.5, 0.0)
    best, missing = prices, -np.inf
    for smoothing in SMOOTHINGS:
        temperature = smoothing * np.maximum(np.minimum.reduceat(columns.taken.sum(axis=1), columns.start), NEGLIGIBLE)
        prices = prices.copy()
        counted = columns.costing(epsilon)
        prices[limited] = ascend(counted, limit, prices[limited], temperature, 1.0)
        found = _least_use(fleet, prices, epsilon, known=counted.least(prices[limited]))
        value = float(found.bound.sum() - prices[limited] @ limit) - NEGLIGIBLE
        if value > missing:
            missing, best = value, prices
        if value > TOLERANCE and counted.value(prices[limited], limit) - value <= CLOSE * value:
            break
        columns = columns.and_(fleet, found.row, found.replicas)
    return Proof(missing=missing, prices=best, columns=columns, epsilon=epsilon)


def _least_use(fleet: Fleet, prices: Reals, epsilon: float, slack: float | None = None, known: Reals | None = None) -> Mixes:
    priced = prices.copy()
    # Where costs are so small, money of a price in [0, 1] is that much more.
    priced[fleet.pools :] /= epsilon
    return mixes(replace(fleet, cost=fleet.cost * epsilon, added=fleet.added * epsilon), priced, slack, known=known)


def _most_expensive(fleet: Fleet) -> Reals:
    """(W,) more than any mix without a replica to spare may cost: one replica less would not carry the load, or keep the least number."""
    allowed = fleet.capacity > 0
    each = np.where(allowed, fleet.cost + fleet.added, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        alone = np.where(allowed, np.ceil(fleet.load[:, None] / fleet.capacity) + 1, 0.0)
    count = np.maximum(alone, np.maximum(fleet.least, fleet.floor.sum(axis=1) + fleet.families)[:, None])
    share = np.where(fleet.spot_percent < 100, 100.0 / np.maximum(100 - fleet.spot_percent, 1), 1.0)
    expensive: Reals = count.max(axis=1) * each.max(axis=1) * share * 3
    return expensive
