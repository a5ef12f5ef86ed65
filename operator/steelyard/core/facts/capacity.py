"""How much one replica carries: two figures with two types, so that a claim of one is never held against the other.

*Capacity* is the load at which the objective still holds; *saturation* is what a replica completes at most, late or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from steelyard.core.statistics.interval import Interval

CLAIM_SPREAD = 2.0
"""A claim may be off by this factor either way: the range of advertised against measured figures in the catalogue."""


class Basis(StrEnum):
    """Where a figure comes from. A claim never wins over a measurement."""

    CLAIMED = "Claimed"
    """Somebody advertises it."""
    CARRIED = "Carried"
    """A load that was carried: the figure is there or above, and nobody knows how far. It sizes and judges nothing."""
    MEASURED = "Measured"
    """This workload's own traffic there, with both ends."""
    PLANNED = "Planned"
    """This workload's own traffic there tells how long a request keeps a replica busy, and nobody tells how full one may be where the objective is just
    kept: a usual utilisation is planned. It sizes, and beside another of its kind says which carries more; by itself it judges nothing."""
    FITTED = "Fitted"
    """A law of latency fitted to this workload's own traffic there, and evaluated at the objective: with both ends, which are wider the less was seen."""
    PROBED = "Probed"
    """A ramp on a replica that served nobody, up to a load that broke the promise: both ends are known."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """Requests per second and replica at which the objective holds, with its basis and the number of answers behind it."""

    rate: Interval
    basis: Basis
    n: int

    @classmethod
    def of_traffic(cls, rate: Interval, n: int, *, planned: bool = False) -> Capacity:
        """What traffic shows, at a planned utilisation where it does not show that. A figure at its own lower end with far to its upper one is a load that
        was carried, or one below which something else broke the promise: the true one is there or above."""
        open_above = rate.lower == rate.point and rate.upper > 1.5 * rate.point
        return cls(rate, Basis.CARRIED if open_above else Basis.PLANNED if planned else Basis.MEASURED, n)

    @property
    def observed(self) -> bool:
        """Whether it rests on requests that were sent there rather than on a claim."""
        return self.basis is not Basis.CLAIMED

    @property
    def at_least(self) -> bool:
        """Whether this is only a load that was carried: such a figure has no upper end."""
        return self.basis is Basis.CARRIED

    @property
    def taught(self) -> bool:
        """Whether a load that broke the promise holds the figure below what the busy time says: it is at that load, and open above."""
        return self.basis in {Basis.MEASURED, Basis.PLANNED, Basis.FITTED} and self.rate.lower == self.rate.point < self.rate.upper


@dataclass(frozen=True, slots=True)
class Saturation:
    """Requests per second that one replica completes at most, late or not, and the number of answers behind it."""

    rate: Interval
    n: int
