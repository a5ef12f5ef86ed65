"""How much one replica carries, and what the figure rests on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from steelyard.core.statistics.interval import Interval

CLAIM_SPREAD = 2.0
"""A claim may be off by this factor either way: the range of advertised against measured figures in the catalogue."""


class Basis(StrEnum):
    """Where a figure comes from. A claim never wins over a measurement."""

    CLAIMED = "Claimed"
    MEASURED = "Measured"


@dataclass(frozen=True, slots=True)
class Capacity:
    """Good requests per second and replica, with its basis and the number of answers behind it."""

    rate: Interval
    basis: Basis
    n: int

    @property
    def at_least(self) -> bool:
        """Whether this is only a load that was carried: the true capacity is there or above. Such a figure spans [top, far above]."""
        return self.basis is Basis.MEASURED and self.rate.lower == self.rate.point and self.rate.upper > 1.5 * self.rate.point

    @property
    def taught(self) -> bool:
        """Whether a load that broke the promise holds the figure below what the busy time says: it is at that load, and open above."""
        return self.basis is Basis.MEASURED and self.rate.lower == self.rate.point < self.rate.upper and not self.at_least
