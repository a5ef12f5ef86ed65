"""The rates of a probe: they grow until the promise breaks, the way between is halved, and then ever more is sent until the server is full.
Steady ones may follow, of loads that are asked for."""

from collections.abc import Generator, Iterable
from math import ceil
from typing import NamedTuple

MOST_STEPS = 20
"""Of one probe, so that its result fits into a termination message."""

FEWER_STEPS, MOST_LOADS = 12, 4
"""Of one whose result has room for steady steps as well, and of these."""

MOST_LENGTH_RAMPS = 2
"""Of lengths, at each of which a shorter ramp is sent: its result has room for no more."""

FULLER = 3
"""Doublings at most, beyond the highest rate of the ramp, until the server is full."""

SPARE = 0.9
"""Of the highest rate that kept the promise, what a replica is given: nobody runs one at the very edge."""


class Seen(NamedTuple):
    """What a step showed: whether the promise was kept in it, and whether the server could do no more."""

    kept: bool
    full: bool


class Sent(NamedTuple):
    """Requests per second of a step, and whether it lies between one that kept the promise and one that broke it: it tells most."""

    rate: float
    between: bool = False


class Share(NamedTuple):
    """A load in requests per second, the replicas that would carry it, and the rate of one of them."""

    load: float
    replicas: int
    rate: float


def rates(
    first: float, most: float, halvings: int, steps: int = MOST_STEPS, growth: float = 2.0, fuller: int = FULLER
) -> Generator[Sent, Seen, float]:
    """Yield the requests per second of each step; what is sent back says what the step showed. No load at all keeps the promise. Returns the
    highest rate that kept it. growth: times the last rate that the next one is, until the promise breaks. fuller: doublings at most until the server is full."""
    kept, rate, full, left = 0.0, first, False, steps - halvings
    while (seen := (yield Sent(rate))).kept:
        kept, full, left = rate, full or seen.full, left - 1
        if rate >= most or not left:
            return kept
        rate = min(growth * rate, most)
    highest = broke = rate
    full |= seen.full
    for _ in range(halvings):
        rate = (kept + broke) / 2
        seen = yield Sent(rate, between=True)
        full |= seen.full
        kept, broke = (rate, broke) if seen.kept else (kept, rate)
    for doubling in range(1, fuller + 1):
        if full:
            break
        full = (yield Sent(highest * 2**doubling)).full
    return kept


def shares(loads: Iterable[float], kept: float) -> list[Share]:
    """Return how each load is shared among replicas that keep the promise up to a rate; none where no rate kept it."""
    if not kept:
        return []
    counted = [(load, max(1, ceil(load / (SPARE * kept)))) for load in loads]
    return [Share(load, replicas, load / replicas) for load, replicas in counted]
