"""The placement problem of all workloads at once, as arrays: they share the pools' devices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Reals: TypeAlias = npt.NDArray[np.float64]
Whole: TypeAlias = npt.NDArray[np.int64]

WIDEST = 3
"""Pools that one workload may use at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """W workloads and P pools; weights follow capacity. Minimise the sum of `cost` n + `added` max(0, n - current) over whole n.

    load: (W,) requests per second. least: (W,) replicas in all. capacity: (W, P) requests per second and replica, 0 where the workload may
    not use the pool. cost: (W, P) money per hour and replica. devices: (W, P) that a replica takes of the pool's `limit`: (P,), inf where
    there is none. current: (W, P) replicas now. added: (W, P) money per hour for each above that, the amortised price of a move. most: (W, P).
    """

    load: Reals
    least: Whole
    capacity: Reals
    cost: Reals
    devices: Reals
    limit: Reals
    current: Whole
    added: Reals
    most: Whole

    def __post_init__(self) -> None:
        """ValueError where a figure cannot be true."""
        allowed = self.capacity > 0
        if not (np.isfinite(self.load).all() and (self.load >= 0).all() and (self.capacity >= 0).all()):
            raise ValueError("loads and capacities must be finite and not negative")
        if not ((self.cost[allowed] > 0).all() and (self.added >= 0).all() and (self.devices >= 0).all() and (self.limit >= 0).all()):
            raise ValueError("costs must be positive; added costs, devices and limits must not be negative")

    @property
    def workloads(self) -> int:
        """W."""
        return int(self.load.shape[0])

    @property
    def pools(self) -> int:
        """P."""
        return int(self.limit.shape[0])

    def only(self, workloads: npt.NDArray[np.intp]) -> Fleet:
        """Those workloads, before the same pools."""
        rows = {
            name: getattr(self, name)[workloads] for name in ("load", "least", "capacity", "cost", "devices", "current", "added", "most")
        }
        return Fleet(limit=self.limit, **rows)

    def price(self, row: npt.NDArray[np.intp], replicas: Whole) -> Reals:
        """(M,) money per hour of (M, P) replicas of the workloads `row`: (M,)."""
        priced: Reals = (replicas * self.cost[row] + np.maximum(replicas - self.current[row], 0) * self.added[row]).sum(axis=1)
        return priced
