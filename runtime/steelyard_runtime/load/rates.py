"""The rates of a probe: they double until the promise breaks, the way between is halved, and then ever more is sent until the server is full."""

from collections.abc import Generator
from typing import NamedTuple

MOST_STEPS = 20
"""Of one probe, so that its result fits into a termination message."""

FULLER = 3
"""Doublings at most, beyond the highest rate of the ramp, until the server is full."""


class Seen(NamedTuple):
    """What a step showed: whether the promise was kept in it, and whether the server could do no more."""

    kept: bool
    full: bool


def rates(first: float, most: float, halvings: int) -> Generator[float, Seen, None]:
    """Yield the requests per second of each step; what is sent back says what the step showed. No load at all keeps the promise."""
    kept, rate, full, doublings = 0.0, first, False, MOST_STEPS - halvings
    while (seen := (yield rate)).kept:
        kept, full, doublings = rate, full or seen.full, doublings - 1
        if rate >= most or not doublings:
            return
        rate = min(2 * rate, most)
    highest = broke = rate
    full |= seen.full
    for _ in range(halvings):
        rate = (kept + broke) / 2
        seen = yield rate
        full |= seen.full
        kept, broke = (rate, broke) if seen.kept else (kept, rate)
    for doubling in range(1, FULLER + 1):
        if full:
            return
        full = (yield highest * 2**doubling).full
