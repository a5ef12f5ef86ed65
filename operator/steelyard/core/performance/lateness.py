"""Which part of the requests misses the objective, by the load as a multiple of the capacity at the objective.

The time that a request waits has an exponential tail (one server, Poisson arrivals, constant service time: M/D/1). At utilisation u it falls by
the rate that solves u (exp(rate) - 1) = rate per service time (Kingman, A martingale inequality in the theory of queues, 1964). At the capacity
the part that is allowed is late; so at any other load that part is the same to the power of the ratio of the two rates.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]

_USED = np.linspace(0.002, 1.0, 500)
NEWTON = 40
"""Steps; a dozen are enough but next to a utilisation of 1."""


def _rates(used: Reals) -> Reals:
    """The rate of decay per service time at each utilisation: the positive root, from above, where Newton's method falls towards it."""
    rates = 2.0 - 2.0 * np.log(used)
    for _ in range(NEWTON):
        grown = np.exp(rates)
        rates = rates - (used * (grown - 1) - rates) / np.maximum(used * grown - 1, 1e-9)
    return np.where(used < 1, np.maximum(rates, 0.0), 0.0)


_RATES = _rates(_USED)
EMPTY, FULL = float(_USED[0]), 0.98
"""Utilisations that a capacity is taken for: of a replica that is always busy no tail is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lateness:
    """allowed: part of the requests that may miss the objective, and does at the capacity. busy: utilisation of a replica at its capacity, at most
    1. correction: how many times as many were missed lately as this
    law says."""

    allowed: float
    busy: float
    correction: float = 1.0

    def late(self, loads: Iterable[float] | Reals) -> Reals:
        """The part that is late at each load, given in multiples of the capacity; in [0, 1]. A replica that can do no more is late with all."""
        used = np.asarray(loads, dtype=float) * self.busy
        decay = np.interp(used, _USED, _RATES) / _rate_at_capacity(self.busy)
        return np.where(used >= 1.0, 1.0, np.minimum(1.0, self.allowed**decay * self.correction))


@lru_cache(maxsize=256)
def _rate_at_capacity(busy: float) -> float:
    return float(np.interp(min(max(busy, EMPTY), FULL), _USED, _RATES))
