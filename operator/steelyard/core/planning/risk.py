"""How often a window's load may exceed the capacity kept for it."""

from __future__ import annotations

FIRST = 20.0
"""The chance as a multiple of the part that may be missed: by how much a load exceeds is far less than how often."""
MOST = 0.6
LEAST_ALLOWED = 1e-4
"""Nothing is enough for certain: of a promise without a budget so much is planned to be missed."""


def chance_of_excess(allowed: float) -> float:
    """Chance that a window's load exceeds what is planned for, where the part `allowed` of all requests may be missed."""
    return min(MOST, FIRST * max(allowed, LEAST_ALLOWED))
