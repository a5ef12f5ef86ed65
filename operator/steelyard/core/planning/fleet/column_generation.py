"""Prices of what is shared, the mixes that are best at them, and better prices: column generation on the Lagrangian of the limits."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from steelyard.core.planning.fleet.columns import Columns
from steelyard.core.planning.fleet.dual import ascend
from steelyard.core.planning.fleet.effort import Effort
from steelyard.core.planning.fleet.fleet import Fleet, Reals, Whole
from steelyard.core.planning.fleet.polishing import polish
from steelyard.core.planning.fleet.pricing import mixes
from steelyard.core.planning.fleet.rounding import cheaper, fits, rounded

SMOOTHINGS = (3e-2, 3e-3, 5e-4)
"""Part of a workload's least cost by which its choice blurs, in turn."""
FAR = 3e-2
"""Part of the value over the columns known that was an illusion: mixes are missing, and the same smoothing is tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ascent:
    """columns: all that were found. prices, least: (P + B,) and (W,) those of the best `bound`. replicas: (W, P) the cheapest plan seen, if
    any."""

    columns: Columns
    prices: Reals
    least: Reals
    bound: float
    replicas: Whole | None


def generate(fleet: Fleet, begin: Ascent, smoothings: tuple[float, ...], effort: Effort) -> Ascent:
    """Better prices at ever less smoothing, and the mixes that are best at each; done at once where nothing is short."""
    limited = np.isfinite(fleet.limits)
    limit = fleet.limits[limited]
    cheapest = begin.columns.cheapest(begin.prices[limited])
    if not begin.prices.any() and fits(begin.columns, limit, cheapest):
        return replace(begin, replicas=begin.columns.replicas[cheapest])
    top, prices = begin, begin.prices
    step, again = 0, effort.rounds
    while step < len(smoothings):
        last = step == len(smoothings) - 1
        temperature = smoothings[step] * np.minimum.reduceat(top.columns.cost, top.columns.start)
        prices = prices.copy()
        prices[limited] = ascend(top.columns, limit, prices[limited], temperature, precision=1e-7 if last else 1e-5)
        found = mixes(fleet, prices, known=top.columns.least(prices[limited]))
        value = float(found.bound.sum() - prices[limited] @ limit)
        if value > top.bound:
            top = replace(top, prices=prices, least=found.bound, bound=value)
        known = top.columns.value(prices[limited], limit)
        far = known - value > (effort.gap / 2 if last else FAR) * abs(known)
        top = replace(top, columns=top.columns.and_(fleet, found.row, found.replicas))
        if far and again:
            again -= 1
        else:
            step += 1
    return replace(top, replicas=_rounded(fleet, top, prices, effort))


def _rounded(fleet: Fleet, top: Ascent, prices: Reals, effort: Effort) -> Whole | None:
    """The cheapest plan found at the last and the best prices, polished where it is far from the bound."""
    limited = np.isfinite(fleet.limits)
    limit, columns = fleet.limits[limited], top.columns
    tried = (top.prices,) if np.array_equal(prices, top.prices) else (prices, top.prices)
    chosen = cheaper(columns, *(rounded(columns, limit, each[limited]) for each in tried))
    return None if chosen is None else polish(fleet, columns, top.prices, columns.replicas[chosen], top.bound, effort)
