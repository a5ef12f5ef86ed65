"""Prices of the pools' devices: the Lagrangian dual of the limits, climbed on its entropy-smoothed form over the columns known.

V(prices) = sum over workloads of the least priced cost - prices * limits is a lower bound of every plan for any prices >= 0 (Geoffrion 1974);
smoothed, its gradient is the devices taken less the limits, and its Hessian is one matrix of pools by pools.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steelyard.core.planning.columns import Columns
from steelyard.core.planning.fleet import Reals

STEPS = 12
"""Newton steps at one smoothing."""
ENOUGH = 1e-7
"""Gain of a step relative to the value that ends the climb."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    value: float
    gradient: Reals
    hessian: Reals


def climb(columns: Columns, limit: Reals, prices: Reals, smoothing: float) -> Reals:
    """(L,) better prices of the limited pools. smoothing: temperature of a workload's choice relative to its least cost."""
    scale = smoothing * np.maximum(np.minimum.reduceat(columns.cost, columns.start), 1e-6 * float(columns.cost.max(initial=1e-6)))
    # No device is worth more than the dearest mix costs. Where every choice is clear the Hessian vanishes, and only this bounds a step.
    most = float(columns.cost.max()) / float(columns.devices[columns.devices > 0].min(initial=np.inf))
    here = _at(columns, limit, prices, scale)
    for _ in range(STEPS):
        free = (prices > 0) | (here.gradient > 0)
        if not free.any():
            break
        step = np.zeros_like(prices)
        hessian = here.hessian[np.ix_(free, free)]
        ridge = 1e-9 * max(1e-12, float(np.trace(hessian)) / len(hessian))
        step[free] = np.linalg.solve(hessian + ridge * np.eye(len(hessian)), here.gradient[free])
        length, there = min(1.0, most / max(float(np.abs(step).max()), 1e-300)), here
        shortest = 1e-6 * length
        while length > shortest:
            trial = np.maximum(prices + length * step, 0.0)
            there = _at(columns, limit, trial, scale)
            if there.value > here.value:
                break
            length /= 4
        gain = there.value - here.value
        if gain <= 0:
            break
        prices, here = trial, there
        if gain <= ENOUGH * abs(here.value):
            break
    return prices


def _at(columns: Columns, limit: Reals, prices: Reals, scale: Reals) -> _Point:
    row, start, devices = columns.row, columns.start, columns.devices
    priced = columns.cost + devices @ prices
    least = np.minimum.reduceat(priced, start)
    weight = np.exp((least[row] - priced) / scale[row])
    total = np.add.reduceat(weight, start)
    share = weight / total[row]
    taken = np.add.reduceat(share[:, None] * devices, start, axis=0)
    value = float((least - scale * np.log(total)).sum() - prices @ limit)
    spread = devices.T @ (devices * (share / scale[row])[:, None]) - taken.T @ (taken / scale[:, None])
    return _Point(value=value, gradient=taken.sum(axis=0) - limit, hessian=spread)
