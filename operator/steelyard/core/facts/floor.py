"""What a pool reaches where next to nothing is asked of it: whether the promise can be kept there at any load."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from steelyard.core.statistics.interval import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """`share`: the part of the requests that were good at `load` (requests per second and replica), the lowest that was seen, of `n` requests until
    `at`. `most`: the part that a still lower load could make of it, which is 1 where the loads seen do not tell."""

    share: Interval
    most: float
    load: float
    n: int
    at: datetime

    def keeps(self, allowed: float) -> bool | None:
        """Whether the promise can be kept there, of which the part `allowed` may miss; None where that is not known. False is said of any load:
        more replicas do not help."""
        if self.most < 1 - allowed:
            return False
        return True if self.share.point >= 1 - allowed else None
