"""Which rate tells the pools apart: found from what was measured a moment ago, never written down."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

LEAST_DIFFERENCE = 1.15
"""Below this ratio of capacities the machine shows no difference worth a move."""
LEAST_MARGIN = 0.06
"""Relative distance that the load keeps from the whole numbers of replicas on both pools."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Requests per second, and the replicas that carry it on the slower and on the faster pool."""

    per_second: float
    slower: int
    faster: int


def choose(slower: float, faster: float, most: int) -> Rate | None:
    """The rate with the widest margin at which the slower pool needs more replicas; None where there is no difference.

    slower, faster: measured capacity, good requests per second and replica. most: replicas on one pool.
    """
    if slower <= 0 or faster / slower < LEAST_DIFFERENCE:
        return None
    best: tuple[float, Rate] | None = None
    for step in range(1, 1000):
        rate = step * most * slower / 1000
        needs = ceil(rate / slower), ceil(rate / faster)
        if needs[1] >= needs[0] or needs[0] > most or needs[0] + 1 > most + 1:
            continue
        margin = min(_margin(rate / slower), _margin(rate / faster))
        # A saving counts once it reaches the policy's ten per cent even at one replica's difference; fewer replicas keep the machine calm.
        score = margin - 0.02 * needs[0]
        if margin >= LEAST_MARGIN and (best is None or score > best[0]):
            best = (score, Rate(rate, *needs))
    return best[1] if best else None


def _margin(replicas: float) -> float:
    """How far the load is from needing one replica more or less, relative to the load."""
    up = ceil(replicas) - replicas
    down = replicas - (ceil(replicas) - 1)
    return min(up, down if ceil(replicas) > 1 else up) / replicas
