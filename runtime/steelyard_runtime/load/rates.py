"""The rates of a probe: they double until the promise breaks, then the way between what kept it and what did not is halved."""

from collections.abc import Generator

MOST_STEPS = 20
"""Of one probe, so that its result fits into a termination message."""


def rates(first: float, most: float, halvings: int) -> Generator[float, bool, None]:
    """Yield the requests per second of each step; what is sent back says whether the step kept the promise. No load at all keeps it."""
    kept, rate, doublings = 0.0, first, MOST_STEPS - halvings
    while (yield rate):
        kept, doublings = rate, doublings - 1
        if rate >= most or not doublings:
            return
        rate = min(2 * rate, most)
    broke = rate
    for _ in range(halvings):
        rate = (kept + broke) / 2
        if (yield rate):
            kept = rate
        else:
            broke = rate
