"""Prices of the pools' devices: the Lagrangian dual of the limits, ascended on its entropy-smoothed form over the columns known.

V(prices) = sum over workloads of the least priced cost - prices * limits is a lower bound of every plan for any prices >= 0 (Geoffrion 1974);
smoothed, its gradient is the devices taken less the limits, and its Hessian is one matrix of pools by pools.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from steelyard.core.planning.fleet.columns import Columns
from steelyard.core.planning.fleet.fleet import Index, Reals
from steelyard.core.planning.fleet.program import Program, solve

STEPS = 12
"""Newton steps at one smoothing."""
REACH = 100
"""Temperatures above the least of its workload at which a mix is left out of an ascent, until prices are met at which it matters."""
WEIGHTLESS = 25.0
"""Temperatures above the least of its workload from which on a mix's weight is below 1e-10."""
TURNS = 6
"""Ascents over more and more mixes, until none that matters is left out; the last over all."""


def dual_prices(columns: Columns, limit: Reals) -> Reals | None:
    """(L,) the best prices over these columns without any smoothing; None where no blend of them keeps the limits."""
    count, workloads, shared = columns.row.size, columns.start.size, limit.size
    which, what = np.nonzero(columns.taken)
    program = Program(
        cost=columns.cost,
        lower=np.zeros(count),
        upper=np.full(count, inf),
        whole=np.zeros(count, dtype=np.bool_),
        least=np.concatenate([np.ones(workloads), np.full(shared, -inf)]),
        most=np.concatenate([np.ones(workloads), limit]),
        row=np.concatenate([columns.row, workloads + what]),
        column=np.concatenate([np.arange(count), which]),
        value=np.concatenate([np.ones(count), columns.taken[which, what]]),
    )
    solved = solve(program)
    return None if solved.values is None else np.maximum(0.0, -solved.duals[workloads:])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    value: float
    gradient: Reals
    hessian: Reals


def ascend(columns: Columns, limit: Reals, prices: Reals, temperature: Reals, highest: float = inf, precision: float = 1e-7) -> Reals:
    """(L,) better prices of what is limited, none above `highest`. temperature: (W,) money per hour by which a workload's choice blurs.
    precision: gain of a step relative to the value that ends the ascent."""
    scale = np.maximum(temperature, 1e-9 * max(float(temperature.max(initial=0.0)), 1e-9))
    value = _at(columns, limit, prices, scale).value
    live = columns.near(prices, REACH * scale)
    for turn in range(TURNS):
        some = columns.some(live) if turn < TURNS - 1 else columns
        found, promised = _ascend(some, limit, prices, scale, highest, precision)
        reached = _at(columns, limit, found, scale).value
        if reached > value:
            prices, value = found, reached
        if promised - reached <= precision * abs(reached):
            break
        # What was left out is cheap at those prices.
        live |= columns.near(found, REACH * scale)
    return prices


def _ascend(columns: Columns, limit: Reals, prices: Reals, scale: Reals, highest: float, precision: float) -> tuple[Reals, float]:
    """Prices and the smoothed value there."""
    # No device is worth more than the most expensive mix costs. Where every choice is clear the Hessian vanishes, and only this bounds a step.
    worth = float(columns.cost.max() / columns.taken[columns.taken > 0].min(initial=inf))
    longest = np.where(np.isfinite(highest), highest, worth)
    here = _at(columns, limit, prices, scale)
    for _ in range(STEPS):
        free = ((prices > 0) | (here.gradient > 0)) & ((prices < highest) | (here.gradient < 0))
        if not free.any():
            break
        step = np.zeros_like(prices)
        hessian = here.hessian[np.ix_(free, free)]
        ridge = 1e-9 * max(1e-12, float(np.trace(hessian)) / len(hessian))
        step[free] = np.linalg.solve(hessian + ridge * np.eye(len(hessian)), here.gradient[free])
        # Prices along which nothing curves are not coupled with the others: each is cut for itself.
        step = np.clip(step, -longest, longest)
        length, there = 1.0, here
        while length > 1e-6:
            trial = np.clip(prices + length * step, 0.0, highest)
            there = _at(columns, limit, trial, scale)
            if there.value > here.value:
                break
            length /= 4
        gain = there.value - here.value
        if gain <= 0:
            break
        prices, here = trial, there
        if gain <= precision * abs(here.value):
            break
    return prices, here.value


def _at(columns: Columns, limit: Reals, prices: Reals, scale: Reals) -> _Point:
    """Value, gradient and Hessian of the smoothed dual, over the mixes that have any weight."""
    priced = columns.cost + columns.taken @ prices
    least = np.minimum.reduceat(priced, columns.start)
    above = (priced - least[columns.row]) / scale[columns.row]
    live = np.flatnonzero(above < WEIGHTLESS)
    row, weight, taken = columns.row[live], np.exp(-above[live]), columns.taken[live]
    total = np.bincount(row, weight, columns.start.size)
    share = weight / total[row]
    value = float((least - scale * np.log(total)).sum() - prices @ limit)
    return _Point(value=value, gradient=share @ taken - limit, hessian=_spread(row, share, taken, scale))


def _spread(row: Index, share: Reals, taken: Reals, scale: Reals) -> Reals:
    """(L, L) covariance of what is taken, by workload and temperature: none of those whose choice is clear."""
    several = np.flatnonzero((np.bincount(row, minlength=scale.size) > 1)[row])
    row, share, taken = row[several], share[several], taken[several]
    if not row.size:
        return np.zeros((taken.shape[1], taken.shape[1]))
    start = np.flatnonzero(np.diff(row, prepend=-1))
    weighted = share[:, None] * taken
    mean = np.add.reduceat(weighted, start, axis=0)
    spread: Reals = taken.T @ (weighted / scale[row][:, None]) - mean.T @ (mean / scale[row[start]][:, None])
    return spread
