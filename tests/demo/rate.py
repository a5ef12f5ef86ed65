"""Under which load, and at which prices, two pools are told apart: found from what was measured a moment ago, never written down."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from steelyard.core.planning.load import chance_peak

LEAST_DIFFERENCE = 1.15
"""Below this ratio of capacities the pools differ too little for a move to pay."""
LEAST_MARGIN = 0.06
"""Relative distance that the load keeps from where the slower pool would need one replica less, or the faster one more."""
ROOM = 0.15
"""Relative distance that the load keeps from what one replica carries, where one is enough on either pool."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Requests per second, and the replicas that carry it: on the slower pool at the mean, on the faster one at the peak."""

    per_second: float
    slower: int
    faster: int


def apart(slower: float, faster: float, most: int, window: float) -> Rate | None:
    """The rate with the widest margin at which the slower pool needs more replicas; None where the pools are too alike for one.

    More of them also where chance is against it: at its mean load it needs more than the faster pool at the peak that one window may
    show. At few requests per second a peak is a good deal more than the mean.

    slower, faster: measured capacity, good requests per second and replica. most: replicas of the workload at any moment. window:
    seconds.
    """
    if slower <= 0 or faster / slower < LEAST_DIFFERENCE:
        return None
    best: tuple[float, Rate] | None = None
    for step in range(1, 1000):
        rate = step * most * slower / 1000
        calm, peak = rate / slower, chance_peak(rate, window) / faster
        needs = ceil(calm), ceil(peak)
        if needs[1] >= needs[0] or ceil(chance_peak(rate, window) / slower) + 1 > most:
            continue  # a move runs one replica more
        margin = min(1 - (needs[0] - 1) / calm, needs[1] / peak - 1)
        # A saving counts once it reaches the policy's ten per cent even at one replica's difference; fewer replicas keep the machine calm.
        score = margin - 0.01 * needs[0]
        if margin >= LEAST_MARGIN and (best is None or score > best[0]):
            best = (score, Rate(rate, *needs))
    return best[1] if best else None


def alike(slower: float, window: float) -> Rate:
    """The largest rate that one replica carries on either pool, also at the peak that one window may show.

    slower: measured capacity of the slower pool, good requests per second and replica; above 0. window: seconds.
    """
    low, high = 0.0, slower
    for _ in range(50):
        rate = (low + high) / 2
        low, high = (rate, high) if chance_peak(rate, window) <= slower / (1 + ROOM) else (low, rate)
    return Rate(low, 1, 1)
