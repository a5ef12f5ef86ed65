"""The capacity to keep for a load that is known with a mean and a variance: the least at which as many requests as the error budget allows are
expected to be late."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from steelyard.core.performance.lateness import Lateness

LEAST_BUDGET = 0.01
"""Nothing is enough for certain: where no part of what is allowed may be spent, so much of it is."""
LEAST_ALLOWED = 1e-4
"""Of an objective that allows nothing so much is planned to be missed."""
WIDEST = 2.0
"""Times the mean, that a load's standard deviation is reckoned with at most: what is wider is not known at all."""
PARTS, APART, NARROWED = 24, 4, 3
"""Parts of a range of capacities, evenly spaced in logarithms: the end of each APART is tried first, and then those of the part that it lies in; and how
often the gap between two of them is searched again: it ends within 0.05 %."""
MOST = 32.0
"""Times the mean, that no reserve is larger than."""
_STEPS = np.linspace(0.0, 1.0, PARTS + 1)
_NORMAL = np.arange(-4.0, 4.75, 0.125)
_WEIGHTS = np.exp(-(_NORMAL**2) / 2) / np.exp(-(_NORMAL**2) / 2).sum()


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """What may be missed. lateness: which part is late at which load. budget: part of what the objective allows that sizing may spend; usual: the same
    but for what the last hour left of it. each: requests per second that one replica carries: replicas are whole, and half of one is to spare on average."""

    lateness: Lateness
    budget: float = 0.5
    usual: float = 0.5
    each: float = 0.0

    @property
    def spent(self) -> float:
        """The part of all requests that sizing plans to miss."""
        return max(self.budget, LEAST_BUDGET) * max(self.lateness.allowed, LEAST_ALLOWED)

    def usually(self, busy: float, each: float) -> Risk:
        """Without what the last hour taught, of replicas that are busy for that part of their time at their capacity."""
        return replace(self, lateness=replace(self.lateness, busy=busy, correction=1.0), budget=self.usual, each=each)


class Rising(NamedTuple):
    """Loads in requests per second, which none of the last hour may foretell, and the part of the requests that comes at each."""

    loads: NDArray[np.float64]
    parts: NDArray[np.float64]


def reserve(mean: float, variance: float, risk: Risk, rising: Rising | None = None) -> float:
    """Requests per second that replicas must carry at their capacity; 0 where nothing is asked for.

    The load has a gamma distribution of that mean and variance, by Wilson and Hilferty (1931): rates are not negative, and skewed. rising: what it is
    instead, for a part of the requests.
    """
    if mean <= 0:
        return 0.0
    shape = mean**2 / min(max(variance, 1e-12 * mean**2), (WIDEST * mean) ** 2)
    loads = mean * np.maximum(0.0, 1 - 1 / (9 * shape) + _NORMAL / (3 * sqrt(shape))) ** 3
    weights, spare = _WEIGHTS, 0.0 * loads
    if rising is not None:
        loads = np.concatenate((loads, rising.loads))
        spare = np.concatenate((spare, np.full(rising.loads.size, risk.each / 2)))
        weights = np.concatenate(((1 - rising.parts.sum()) * weights, rising.parts))
    asked = weights * loads
    asked /= asked.sum()
    spent = risk.spent

    def too_few(tried: NDArray[np.float64]) -> int:
        return int(np.count_nonzero(risk.lateness.late(loads / (tried[:, None] + spare)) @ asked > spent))

    low, high = mean / MOST, mean * MOST
    for _ in range(NARROWED):
        tried = low * (high / low) ** _STEPS
        # A larger capacity is late with no more.
        last = APART * too_few(tried[APART:-1:APART])
        last += too_few(tried[last + 1 : last + APART])
        low, high = float(tried[last]), float(tried[last + 1])
    return high
