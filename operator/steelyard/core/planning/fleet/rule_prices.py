"""Prices of a workload's own rules, by which a search sees from afar that cheap replicas are too many, or too much of them spot.

At any prices >= 0, cost + count price x (replicas - maximum) + debt price x spot debt is no more than the cost of a mix that keeps both rules:
a bound on what costs less is a bound. The best prices are those of the relaxation to fractions (Geoffrion 1974); it is concave in each.
"""

from __future__ import annotations

from math import inf

import numpy as np

from steelyard.core.planning.fleet.fleet import ANY, Index, Reals, Whole

HALVINGS = 26
"""Of the range of a price: a bound is one at any price, and this close to the best it is as good."""
TURNS = 2
"""Each price in turn, the other one held."""
HIGHEST = 10.0
"""Times the most expensive replica: a price of the count beyond which no pool is left out."""


def rule_prices(first: Reals, capacity: Reals, load: Reals, maximum: Whole, step: Whole, debt: Whole) -> tuple[Reals, Reals]:
    """(R,) of a replica and (R,) of a unit of spot debt; 0 where a rule is not asked for.

    first: (R, P) least price of a replica, inf where there is none. step: (R, P) debt of a replica; debt: (R,) before any.
    """
    count_price, debt_price = np.zeros(load.size), np.zeros(load.size)
    usable = np.isfinite(first).any(axis=1) & (load > 0)
    counted, owing = np.flatnonzero(usable & (maximum < ANY)), np.flatnonzero(usable & (step > 0).any(axis=1) & (step < 0).any(axis=1))
    for _ in range(TURNS if counted.size and owing.size else 1):
        if owing.size:
            price = first[owing] + count_price[owing, None]
            rest, ceiling = debt[owing].astype(float), _ceiling(price, step[owing])
            debt_price[owing] = _highest(price, step[owing].astype(float), capacity[owing], load[owing], rest, ceiling)
        if counted.size:
            price = first[counted] + debt_price[counted, None] * step[counted]
            one, ceiling = np.ones_like(price), HIGHEST * np.where(np.isfinite(price), price, 0.0).max(axis=1)
            count_price[counted] = _highest(price, one, capacity[counted], load[counted], -maximum[counted].astype(float), ceiling)
    # The second price was found beside an earlier first one: no replica may cost nothing by it.
    debt_price[owing] = np.minimum(debt_price[owing], _ceiling(first[owing] + count_price[owing, None], step[owing]))
    return count_price, debt_price


def _ceiling(price: Reals, step: Whole) -> Reals:
    """(R,) price of a unit of debt below which every replica still costs something."""
    with np.errstate(invalid="ignore", divide="ignore"):
        highest = np.where((step < 0) & np.isfinite(price), price / -step, inf).min(axis=1, initial=inf)
    return np.where(np.isfinite(highest), highest, 0.0) * (1 - 1e-9)


def _highest(price: Reals, step: Reals, capacity: Reals, load: Reals, rest: Reals, ceiling: Reals) -> Reals:
    """(R,) x in [0, ceiling] where load x min over pools of (price + x step) / capacity + x rest is highest, by halving on its slope."""
    rows: Index = np.arange(load.size)
    low, high = np.zeros(load.size), ceiling.copy()
    cost, rise = np.full_like(price, inf), np.zeros_like(price)
    np.divide(price, capacity, out=cost, where=capacity > 0)
    np.divide(step, capacity, out=rise, where=capacity > 0)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        best = np.argmin(cost + middle[:, None] * rise, axis=1)
        up = load * rise[rows, best] + rest > 0
        low, high = np.where(up, middle, low), np.where(up, high, middle)
    return low
