"""A plan of many workloads made cheaper where it loses most: those few workloads choose anew together, exactly, before what the others leave.

At prices, the gap between a plan and the bound is the sum of what each workload pays above its least there, and of the worth of what is left.
The workloads that may save most of both come first (a large neighbourhood search; Shaw 1998).
"""

from __future__ import annotations

from math import inf

import numpy as np

from steelyard.core.planning.fleet.columns import Columns
from steelyard.core.planning.fleet.effort import Effort
from steelyard.core.planning.fleet.fleet import Fleet, Index, Reals, Whole
from steelyard.core.planning.fleet.pricing import nearest, search_mixes
from steelyard.core.planning.fleet.program import Program, solve

TOGETHER = 100
"""Workloads that choose anew at a time."""
NEAR = 1 / 16
"""Of the gap, within which their mixes are listed."""
TRIED = 50
"""Counts tried of one of them at one depth."""
LISTED = 15
"""Mixes of each, on average."""
WIDER = 2
"""Times as many workloads where so many found nothing better,"""
FARTHER = 4
"""and mixes of so many times the slack."""
FINE = 1 / 4
"""Of the gap that is small enough, at which one choice is."""


def polish(fleet: Fleet, columns: Columns, prices: Reals, plan: Whole, bound: float, effort: Effort) -> Whole:
    """(W, P) replicas that cost no more. prices: (P + B,) of the `bound`. plan: (W, P) within the limits."""
    every = np.arange(fleet.workloads)
    limited = np.isfinite(fleet.limits)
    limit = fleet.limits[limited]
    paid = fleet.price(every, plan)
    taken = fleet.taken(every, plan, paid)[:, limited]
    together, near_by = TOGETHER, NEAR
    mixes_left = effort.polish_columns
    for _ in range(effort.polish if fleet.workloads > effort.exact else min(effort.polish, 1)):
        gap = float(paid.sum()) - bound
        if gap <= effort.gap * bound or mixes_left <= 0:
            break
        left = np.maximum(limit - taken.sum(axis=0), 0.0)
        saving = _saving(columns, prices[limited], paid, taken, left)
        some = np.sort(np.argsort(-saving, kind="stable")[:together])
        part, room = fleet.only(some), limit - np.delete(taken, some, axis=0).sum(axis=0)
        listed = search_mixes(part, prices, near_by * gap, 4 * LISTED, TRIED)
        near = nearest(listed.row, min(LISTED * together, mixes_left))
        mixes_left -= near.size
        row = np.concatenate([listed.row[near], np.arange(some.size)])
        replicas = np.concatenate([listed.replicas[near], plan[some]])
        cost = part.price(row, replicas)
        uses = part.taken(row, replicas, cost)[:, limited]
        best = _choice(row, cost, uses, room, effort, bound)
        if best is None or cost[best].sum() >= paid[some].sum():
            together, near_by = WIDER * together, min(1.0, FARTHER * near_by)
        else:
            plan = plan.copy()
            plan[some], paid[some], taken[some] = replicas[best], cost[best], uses[best]
    return plan


def _saving(columns: Columns, prices: Reals, paid: Reals, taken: Reals, left: Reals) -> Reals:
    """(W,) what a workload may save at most by another mix that is known, below zero where none saves: what it pays less at the prices, and what it then takes of what is `left`."""
    now = paid + taken @ prices
    less = now[columns.row] - (columns.cost + columns.taken @ prices)
    used = np.minimum(np.maximum(columns.taken - taken[columns.row], 0.0), left) @ prices
    same = (columns.cost == paid[columns.row]) & (columns.taken == taken[columns.row]).all(axis=1)
    saving: Reals = np.maximum.reduceat(np.where(same, -inf, less + used), columns.start)
    return saving


def _choice(row: Index, cost: Reals, uses: Reals, room: Reals, effort: Effort, bound: float) -> Index | None:
    """(S,) one mix of each workload within the room, as cheap as a search tree of few nodes finds it."""
    count, workloads = row.size, int(row.max()) + 1
    which, what = np.nonzero(uses)
    size = np.maximum(uses.max(axis=0, initial=0.0), 1e-12)
    program = Program(
        cost=cost,
        lower=np.zeros(count),
        upper=np.ones(count),
        whole=np.ones(count, dtype=np.bool_),
        least=np.concatenate([np.ones(workloads), np.full(room.size, -inf)]),
        most=np.concatenate([np.ones(workloads), room / size]),
        row=np.concatenate([row, workloads + what]),
        column=np.concatenate([np.arange(count), which]),
        value=np.concatenate([np.ones(count), (uses / size)[which, what]]),
    )
    solved = solve(program, effort.polish_nodes, FINE * effort.gap * bound)
    if solved.values is None:
        return None
    taken = np.flatnonzero(solved.values > 0.5)
    best = taken[np.argsort(row[taken], kind="stable")]
    fits = (uses[best].sum(axis=0) <= room + 1e-9 * np.maximum(1.0, room)).all()
    return best if fits and np.array_equal(row[best], np.arange(workloads)) else None
