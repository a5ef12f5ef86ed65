"""How many requests a replica answers too late at a load: by the law of a first-come queue with one server, Poisson arrivals and a constant service
time (M/D/1), or by what a server of any kind did when it was played."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import exp, floor
from typing import Protocol

import numpy as np
import numpy.typing as npt

from steelyard.simulate.carried import missed
from steelyard.simulate.lengths import Lengths
from steelyard.simulate.truth import Truth
from steelyard.simulate.workload_entry import ObjectiveEntry

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


class Law(Protocol):
    """Of one replica. Loads are requests per second."""

    def late(self, rates: Reals) -> Reals:
        """The part of the requests that are too late at each load."""
        ...

    def most(self, part: float) -> float:
        """The highest load at which no more than this part is too late."""
        ...


@dataclass(frozen=True, slots=True)
class Constant:
    """service: seconds of each request; latency: seconds within which it is to be answered."""

    service: float
    latency: float

    def late(self, rates: Reals) -> Reals:
        """By M/D/1."""
        return late(rates * self.service, self.latency / self.service)

    def most(self, part: float) -> float:
        """The same, the other way."""
        return utilisation(part, self.latency / self.service) / self.service


@dataclass(frozen=True, slots=True)
class Played:
    """rates, rising, and the part that was late at each, which never falls; between them it is interpolated."""

    rates: tuple[float, ...]
    parts: tuple[float, ...]

    def late(self, rates: Reals) -> Reals:
        """Above the saturation all of them."""
        part: Reals = np.interp(rates, self.rates, self.parts)
        return part

    def most(self, part: float) -> float:
        """The same, the other way."""
        return float(np.interp(part, self.parts, self.rates))


LOADS = (*np.arange(0.1, 0.7, 0.1).tolist(), *np.arange(0.7, 1.0, 0.03).tolist())
"""Parts of the saturation at which a server is played."""
PLAYS = 4
"""At each, with 6,000 requests."""


@cache
def played(truth: Truth, objective: ObjectiveEntry, lengths: Lengths | None) -> Played:
    """A server of any kind, by itself with Poisson arrivals."""
    full = truth.saturation(lengths)
    parts = [float(np.mean([missed(truth, objective, lengths, full * load, seed) for seed in range(1, PLAYS + 1)])) for load in LOADS]
    return Played((0.0, *(full * load for load in LOADS), full), (0.0, *np.maximum.accumulate(parts).tolist(), 1.0))
