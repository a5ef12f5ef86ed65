"""The capacity to keep for a load that is known with a mean and a variance: the least at which as many requests as the error budget allows are
expected to be late."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from steelyard.core.performance.lateness import Lateness

LEAST_BUDGET = 0.01
"""Nothing is enough for certain: where no part of what is allowed may be spent, so much of it is."""
LEAST_ALLOWED = 1e-4
"""Of an objective that allows nothing so much is planned to be missed."""
WIDEST = 2.0
"""Times the mean, that a load's standard deviation is reckoned with at most: what is wider is not known at all."""
PARTS, NARROWED = 24, 3
"""Capacities that are tried at once, evenly spaced in logarithms, and how often the gap between two of them is searched again: it ends within 0.05 %."""
MOST = 32.0
"""Times the mean, that no reserve is larger than."""
_STEPS = np.linspace(0.0, 1.0, PARTS + 1)
_NORMAL = np.arange(-4.0, 4.75, 0.125)
_WEIGHTS = np.exp(-(_NORMAL**2) / 2) / np.exp(-(_NORMAL**2) / 2).sum()


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """What may be missed. lateness: which part is late at which load. budget: part of what the objective allows that sizing may spend."""

    lateness: Lateness
    budget: float = 0.5

    @property
    def spent(self) -> float:
        """The part of all requests that sizing plans to miss."""
        return max(self.budget, LEAST_BUDGET) * max(self.lateness.allowed, LEAST_ALLOWED)


def reserve(mean: float, variance: float, risk: Risk) -> float:
    """Requests per second that replicas must carry at their capacity; 0 where nothing is asked for.

    The load has a gamma distribution of that mean and variance, by Wilson and Hilferty (1931): rates are not negative, and skewed.
    """
    if mean <= 0:
        return 0.0
    shape = mean**2 / min(max(variance, 1e-12 * mean**2), (WIDEST * mean) ** 2)
    loads = mean * np.maximum(0.0, 1 - 1 / (9 * shape) + _NORMAL / (3 * sqrt(shape))) ** 3
    asked = _WEIGHTS * loads
    asked /= asked.sum()
    low, high = mean / MOST, mean * MOST
    for _ in range(NARROWED):
        tried = low * (high / low) ** _STEPS
        late = risk.lateness.late(loads / tried[1:-1, None]) @ asked
        enough = int((late > risk.spent).sum()) + 1
        low, high = float(tried[enough - 1]), float(tried[enough])
    return high
