"""The placement problem of one workload: what each pool would cost and carry, and the limits. Impossible shapes are refused at construction."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from steelyard.core.planning.choice_price import charged


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One pool as an option.

    capacity: good requests per second and replica while the promise holds; cost: money per hour and replica; most: replicas that the
    pool and the workload allow there; current: replicas there now; family: accelerator family, for the lock-in guard; added: money per
    hour that each replica above `current` costs as the amortised price of the move; worth: money per hour that each replica above
    `allotted` keeps from other workloads.
    """

    pool: str
    family: str
    spot: bool
    capacity: float
    cost: float
    least: int = 0
    most: int
    current: int = 0
    added: float = 0.0
    allotted: int = 0
    worth: float = 0.0

    def __post_init__(self) -> None:
        """A price or a capacity that is not positive is a fault of the reader, never an option."""
        if not (0 < self.capacity < inf and 0 < self.cost < inf):
            raise ValueError(
                f"offer of pool {self.pool}: capacity and cost must be positive and finite, got {self.capacity} and {self.cost}"
            )
        if not (0 <= self.added < inf and 0 <= self.worth < inf and min(self.least, self.most, self.current, self.allotted) >= 0):
            raise ValueError(
                f"offer of pool {self.pool}: replicas and what they cost more must not be negative, and the money finite: {self}"
            )

    def paid(self, replicas: int) -> float:
        """Money per hour of so many replicas."""
        return charged(replicas, self.cost, self.worth, self.allotted) + max(0, replicas - self.current) * self.added


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Minimise cost of integer replicas that carry `load` (requests per second).

    equal_share: one Service spreads requests evenly over all replicas, so the load of a replica must not exceed the smallest capacity
    among the pools in use; otherwise weights follow capacity.
    """

    load: float
    minimum: int
    maximum: int
    offers: tuple[Offer, ...]
    min_families: int = 1
    max_spot_percent: int = 100
    equal_share: bool = True

    def __post_init__(self) -> None:
        """ValueError where a figure cannot be true."""
        if not 0 <= self.load < inf:
            raise ValueError(f"a load must be finite and not negative, got {self.load} requests per second")
        if min(self.minimum, self.maximum, self.min_families) < 0 or not 0 <= self.max_spot_percent <= 100:
            raise ValueError(f"replicas and families must not be negative, and a spot share is between 0 and 100 percent: {self}")
