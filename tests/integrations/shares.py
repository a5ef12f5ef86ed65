"""What a gateway served, held against the weights that it had."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

SETTLED = 1.0
"""Seconds after a change of weights from which on what is served is held against them."""
SURE, SHARES = 0.99, 6
SIGMAS = NormalDist().inv_cdf(1 - (1 - SURE) / 2 / SHARES)
"""Of a binomial count: as far as all shares of a scene together are off in one run of a hundred (Bonferroni)."""


def off(served: int, of: int, part: float) -> float:
    """How many standard deviations a count is from what its part lets expect."""
    return abs(served - of * part) / sqrt(of * part * (1 - part)) if 0 < part < 1 else float(served != of * part)
