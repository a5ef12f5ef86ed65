"""How many replicas a trial shares a steady load among, as the load generator does."""

from __future__ import annotations

from math import ceil

SPARE = 0.9
"""Of what a replica carries, that it gets."""


def replicas_for(load: float, carries: float, least: int = 1) -> int:
    """Whole ones, for `load` requests per second where each carries so many; at least `least`."""
    return max(least, ceil(load / (SPARE * carries)))
