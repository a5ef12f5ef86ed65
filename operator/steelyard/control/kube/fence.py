"""The fence that a client asks before each write. Who holds the Lease, and the claim, opens it (`leadership/fencing.py`)."""

import math
from typing import Protocol


class LeadershipLost(Exception):  # noqa: N818 - an event, not an error of the API
    """This process must not write any more. It is not retried: the process ends."""


class Fence(Protocol):
    """Asked immediately before a write is put on the wire."""

    def check(self) -> None:
        """Raise LeadershipLost unless this process may write now."""
        ...

    def patience(self) -> float:
        """Seconds a write sent now may take before another process could hold the Lease. May be infinite."""
        ...


class Fences:
    """Several, one behind the other: a write passes them all."""

    def __init__(self, *fences: Fence) -> None:
        self._fences = fences

    def check(self) -> None:
        """Raise LeadershipLost unless all are open."""
        for fence in self._fences:
            fence.check()

    def patience(self) -> float:
        """Seconds until the first of them could be another's."""
        return min(fence.patience() for fence in self._fences)


class OpenFence:
    """For who writes without leadership: the elector itself, and the command line."""

    def check(self) -> None:
        """Always pass."""

    def patience(self) -> float:
        """No limit."""
        return math.inf
