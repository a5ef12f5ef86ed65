"""How many requests of a first-come queue with one server, Poisson arrivals and a constant service time (M/D/1) are answered too late."""

from __future__ import annotations

from functools import cache
from math import exp, floor

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

GRID = np.concatenate((np.arange(0.0, 0.9, 0.01), np.arange(0.9, 0.996, 0.0025)))
"""Utilisations at which the law is computed; between them it is interpolated. From 1 on a queue grows without end, and all is late."""


def late(utilisation: Reals, limit: float) -> Reals:
    """The part of the requests whose wait and service take longer than `limit`, in service times, at each utilisation."""
    known = np.append(GRID, 1.0)
    part: Reals = np.interp(utilisation, known, np.append(_computed(limit), 1.0))
    return part


@cache
def _computed(limit: float) -> Reals:
    return np.array([1 - within(float(rho), limit) for rho in GRID])


def within(rho: float, limit: float) -> float:
    """The part of the requests that are answered within `limit` service times at utilisation `rho` below 1.

    Franx, A simple solution for the M/D/c waiting time distribution (Operations Research Letters 29, 2001), with c = 1: sums of positive
    terms only, and so exact to rounding where the classical alternating sum (Erlang, 1909) is not.
    """
    if limit < 1:
        return 0.0
    wait = limit - 1
    pieces = floor(wait) + 1
    at_most = np.cumsum(_queue(rho, pieces + 1))
    left = rho * (pieces - wait)
    term, total = exp(-left), 0.0
    for j in range(pieces):
        total += term * at_most[pieces - j]
        term *= left / (j + 1)
    return min(1.0, float(total))


def _queue(rho: float, most: int) -> Reals:
    """(most + 1,) chance of each number of requests in the system. What crosses a level upward crosses it downward as often."""
    arrivals = np.array([exp(-rho)] * (most + 2))
    for n in range(1, most + 2):
        arrivals[n] = arrivals[n - 1] * rho / n
    at_least = 1 - np.concatenate(([0.0], np.cumsum(arrivals)))
    chance = np.zeros(most + 1)
    chance[0] = 1 - rho
    for n in range(most):
        up = chance[0] * at_least[n + 1] + sum(chance[i] * at_least[n + 2 - i] for i in range(1, n + 1))
        chance[n + 1] = up / arrivals[0]
    return chance


def utilisation(part: float, limit: float) -> float:
    """The highest at which no more than this part is later than `limit` service times."""
    return float(np.interp(part, _computed(limit), GRID))
