"""Prices of what is shared, the mixes that are best at them, and better prices: column generation on the Lagrangian of the limits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steelyard.core.planning.fleet.columns import Columns
from steelyard.core.planning.fleet.dual import ascend
from steelyard.core.planning.fleet.effort import Effort
from steelyard.core.planning.fleet.fleet import Fleet, Index, Reals
from steelyard.core.planning.fleet.pricing import mixes
from steelyard.core.planning.fleet.rounding import cheaper, fits, rounded

SMOOTHINGS = (3e-2, 3e-3, 5e-4)
"""Part of a workload's least cost by which its choice blurs, in turn."""
FAR = 3e-2
"""Part of the value over the columns known that was an illusion: mixes are missing, and the same smoothing is tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ascent:
    """columns: all that were found. prices, least: (P + B,) and (W,) those of the best `bound`. chosen: (W,) the column of each workload in
    the cheapest plan seen, if any."""

    columns: Columns
    prices: Reals
    least: Reals
    bound: float
    chosen: Index | None

    @property
    def gap(self) -> float:
        """(cost - bound) / cost; inf without a plan."""
        cost = np.inf if self.chosen is None else float(self.columns.cost[self.chosen].sum())
        return 0.0 if cost <= self.bound else (cost - self.bound) / cost if np.isfinite(cost) else np.inf


def generate(fleet: Fleet, begin: Ascent, smoothings: tuple[float, ...], effort: Effort) -> Ascent:
    """Better prices at ever less smoothing, and the mixes that are best at each; done at once where nothing is short."""
    limited = np.isfinite(fleet.limits)
    limit = fleet.limits[limited]
    cheapest = begin.columns.cheapest(begin.prices[limited])
    if not begin.prices.any() and fits(begin.columns, limit, cheapest):
        return Ascent(columns=begin.columns, prices=begin.prices, least=begin.least, bound=begin.bound, chosen=cheapest)
    top, prices, columns = begin, begin.prices, begin.columns
    step, again = 0, effort.rounds
    while step < len(smoothings):
        last = step == len(smoothings) - 1
        temperature = smoothings[step] * np.minimum.reduceat(columns.cost, columns.start)
        prices = prices.copy()
        prices[limited] = ascend(columns, limit, prices[limited], temperature, precision=1e-7 if last else 1e-5)
        found = mixes(fleet, prices)
        value = float(found.bound.sum() - prices[limited] @ limit)
        far = value < columns.value(prices[limited], limit) * (1 - FAR)
        columns = columns.and_(fleet, found.row, found.replicas)
        better = value > top.bound
        top = Ascent(
            columns=columns,
            prices=prices if better else top.prices,
            least=found.bound if better else top.least,
            bound=max(value, top.bound),
            chosen=_rounded(columns, limit, (prices[limited], top.prices[limited]), max(value, top.bound), effort) if last else None,
        )
        if (far or (last and top.gap > effort.gap)) and again:
            again -= 1
        else:
            step += 1
    return top


LOWER = (1.0, 0.98, 0.95)
"""Parts of the prices at which a plan is rounded: at the full ones exchanges may end far above the bound, since all of it looks dear."""


def _rounded(columns: Columns, limit: Reals, prices: tuple[Reals, ...], bound: float, effort: Effort) -> Index | None:
    """The cheapest plan found at any of the prices, and where that is not near the bound at lower ones."""
    chosen: Index | None = None
    for part in LOWER:
        for each in prices:
            chosen = cheaper(columns, chosen, rounded(columns, limit, each * part))
        if chosen is not None and bound >= float(columns.cost[chosen].sum()) * (1 - effort.gap):
            break
    return chosen
