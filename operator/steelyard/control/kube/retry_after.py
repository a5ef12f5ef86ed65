"""Retry-After: for how long the API server's wish to be left alone is heeded."""

import random

MOST_SECONDS = 5.0
"""Under load the API server asks for up to 32 s. Who is refused backs off by itself, longer each time; a longer silence adds nothing to
that, and the decisions of a fleet are not to stand still for a server that was busy for a moment."""
SPREAD = 0.25
"""Part of the time that is added by chance, so that not everybody comes back at once."""


def heeded(asked: float, chance: random.Random) -> float:
    """Seconds to wait: what was asked for and a little more by chance, at most `MOST_SECONDS` in all; 0 where nothing was asked for."""
    return min(asked, MOST_SECONDS / (1 + SPREAD)) * (1 + SPREAD * chance.random())
