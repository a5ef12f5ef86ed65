"""How a user's request ended, by the server's own clock."""

from enum import StrEnum


class Outcome(StrEnum):
    """Every counted request has exactly one."""

    GOOD = "good"
    """Answered without an error, within all objectives."""
    SLOW = "slow"
    """Answered without an error, later than an objective; or given up by its client after that."""
    ERROR = "error"
    """A 5xx."""
    SHED = "shed"
    """A 429: the queue, or the memory for large bodies, was full."""


def judged(status: int, seconds: float, objectives: tuple[float, ...]) -> Outcome | None:
    """Return the outcome, or None for the client's own errors, which are no requests. `objectives` in milliseconds, rising."""
    if status == 429:
        return Outcome.SHED
    if status >= 500:
        return Outcome.ERROR
    if status >= 400:
        return None
    return Outcome.GOOD if not objectives or seconds <= objectives[0] / 1000 else Outcome.SLOW
