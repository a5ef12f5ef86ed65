"""When a compile will be done, by how long others of the same back end took."""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import median

LEAST_STEP = 10.0
"""Seconds: what a person can read."""
STEPS = 10
"""At most so many values are told of one compile: each is a write of a status."""


def remaining(elapsed: float, earlier: Iterable[float]) -> int | None:
    """Seconds until the end, rounded up; None where no earlier compile took longer than this one has taken already.

    elapsed: seconds since it began. earlier: seconds that others took. Their median among those that lasted at least as long: what only
    found its artifact in the store ended at once, and tells nothing of one that has not.
    """
    longer = [seconds for seconds in earlier if seconds > elapsed]
    if not longer:
        return None
    whole = median(longer)
    step = max(LEAST_STEP, whole / STEPS)
    return math.ceil(math.ceil((whole - elapsed) / step) * step)
