"""How the load rises above what was expected within minutes, as days have shown it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

WITHIN = (120.0, 240.0, 480.0, 960.0)
"""Seconds for which it was expected."""
STEPS = (0.1, 0.15, 0.2, 0.3, 0.4, 0.55, 0.75)
"""Parts of what was expected, by which more came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rises:
    """Of the requests until then, each of which counts the less the longer ago it came. requests: all of them; risen: for each of WITHIN a row, and in it
    for each of STEPS those after which so much more came than was expected so long before."""

    until: datetime
    requests: int = 0
    risen: tuple[tuple[int, ...], ...] = ((0,) * len(STEPS),) * len(WITHIN)
