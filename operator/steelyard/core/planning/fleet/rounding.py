"""One column for each workload, within the limits: the cheapest at the prices, then exchanges where a pool is over, then what is left."""

from __future__ import annotations

import numpy as np

from steelyard.core.planning.fleet.columns import Columns
from steelyard.core.planning.fleet.fleet import TOLERANCE, Index, Reals

PASSES = 40
TOGETHER = 64
"""Exchanges that are looked at side by side: most of them bring more over than they free."""


def rounded(columns: Columns, limit: Reals, prices: Reals, begin: Index | None = None) -> Index | None:
    """(W,) the column of each workload; None where the exchanges known do not bring the pools under their limits.

    begin: (W,) a choice to begin with instead of the cheapest at the prices.
    """
    reduced = columns.cost + columns.taken @ prices
    chosen = columns.cheapest(prices) if begin is None else begin.copy()
    if not _relieve(columns, limit, reduced, chosen):
        return None
    _use_what_is_left(columns, limit, chosen)
    return chosen


def fits(columns: Columns, limit: Reals, chosen: Index) -> bool:
    """Whether the columns chosen keep the limits."""
    return bool((columns.taken[chosen].sum(axis=0) <= limit + TOLERANCE * np.maximum(1.0, limit)).all())


def cheaper(columns: Columns, *plans: Index | None) -> Index | None:
    """The cheapest of these choices; None where there is none."""
    found = [plan for plan in plans if plan is not None]
    return min(found, key=lambda plan: float(columns.cost[plan].sum()), default=None)


def _relieve(columns: Columns, limit: Reals, reduced: Reals, chosen: Index) -> bool:
    """Exchange columns until no pool is over: those that cost least for each device freed go first. Whether it was reached."""
    # Devices of pools and money of budgets are compared in the size of what a mix takes of them.
    unit = np.maximum(columns.taken.mean(axis=0), 1e-12)
    taken, limit = columns.taken / unit, limit / unit
    room = limit - taken[chosen].sum(axis=0)
    tight = TOLERANCE * np.maximum(1.0, limit)
    for _ in range(PASSES):
        if (room >= -tight).all():
            return True
        now = chosen[columns.row]
        change = taken - taken[now]
        over = np.maximum(-room, 0.0)
        relief = np.minimum(np.maximum(-change, 0.0), over).sum(axis=1) - np.maximum(change - np.maximum(room, 0.0), 0.0).sum(axis=1)
        useful = np.flatnonzero(relief > TOLERANCE)
        if not useful.size:
            return False
        order = useful[np.argsort((reduced - reduced[now])[useful] / relief[useful], kind="stable")]
        moved = np.zeros(chosen.size, dtype=np.bool_)
        excess = -float(np.add.reduce(np.minimum(room, 0.0)))
        place = 0
        while place < order.size:
            some = order[place : place + TOGETHER]
            # What an exchange brings over elsewhere must be less than what it frees.
            beyond = -np.add.reduce(np.minimum(room - change[some], 0.0), axis=1)
            good = np.flatnonzero((beyond < excess - TOLERANCE) & ~moved[columns.row[some]])
            if not good.size:
                place += some.size
                continue
            column, excess = some[good[0]], float(beyond[good[0]])
            room, chosen[columns.row[column]], moved[columns.row[column]] = room - change[column], column, True
            if (room >= -tight).all():
                return True
            place += int(good[0]) + 1
        if not moved.any():
            return False
    return bool((room >= -tight).all())


def _use_what_is_left(columns: Columns, limit: Reals, chosen: Index) -> None:
    """Exchange columns for cheaper ones as long as they fit."""
    room = limit - columns.taken[chosen].sum(axis=0) + TOLERANCE * np.maximum(1.0, limit)
    for _ in range(PASSES):
        now = chosen[columns.row]
        gain = columns.cost[now] - columns.cost
        step = columns.taken - columns.taken[now]
        good = np.flatnonzero((gain > 0) & (step <= room).all(axis=1))
        if not good.size:
            return
        moved: set[int] = set()
        for column in good[np.argsort(-gain[good], kind="stable")]:
            row = int(columns.row[column])
            if row not in moved and (step[column] <= room).all():
                room -= step[column]
                chosen[row] = column
                moved.add(row)
