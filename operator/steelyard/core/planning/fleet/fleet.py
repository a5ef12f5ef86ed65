"""The placement problem of all workloads at once, as arrays: they share the pools' devices and the namespaces' money."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Reals: TypeAlias = npt.NDArray[np.float64]
Whole: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Index: TypeAlias = npt.NDArray[np.intp]

WIDEST = 3
"""Pools that one workload may use at the same time."""
ANY = 2**31
"""Replicas: no limit."""
TOLERANCE = 1e-9
_TINY = 1e-300
"""Below any cost that is positive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """W workloads, P pools, B budgets. Minimise the sum of `cost` n + `added` max(0, n - current) over whole n.

    load: (W,) requests per second. capacity: (W, P) requests per second and replica, 0 where the workload may not use the pool. cost: (W, P)
    money per hour and replica. devices: (W, P) that a replica takes of the pool's `limit`: (P,), inf where there is none. current: (W, P)
    replicas now. added: (W, P) money per hour for each above that, the amortised price of a move. most: (W, P).

    The rest may be left out. least, maximum: (W,) replicas in all. floor: (W, P) least replicas of a pool. even: (W,) whether requests are
    spread evenly over all replicas, so that each carries what the slowest pool in use can; else weights follow capacity. family: (P,) and
    families: (W,) of which as many must be used. spot: (P,) and spot_percent: (W,) of all replicas at most. money: (B,) per hour that the
    workloads of a budget may cost together; payer: (W,) the budget, -1 for none.
    """

    load: Reals
    capacity: Reals
    cost: Reals
    devices: Reals
    limit: Reals
    current: Whole
    added: Reals
    most: Whole
    least: Whole = None  # type: ignore[assignment]
    maximum: Whole = None  # type: ignore[assignment]
    floor: Whole = None  # type: ignore[assignment]
    even: Flags = None  # type: ignore[assignment]
    family: Whole = None  # type: ignore[assignment]
    families: Whole = None  # type: ignore[assignment]
    spot: Flags = None  # type: ignore[assignment]
    spot_percent: Whole = None  # type: ignore[assignment]
    money: Reals = None  # type: ignore[assignment]
    payer: Whole = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        """ValueError where a figure cannot be true."""
        w, p = self.capacity.shape
        absent: dict[str, Any] = {
            "least": lambda: np.zeros(w, np.int64),
            "maximum": lambda: np.full(w, ANY, np.int64),
            "floor": lambda: np.zeros((w, p), np.int64),
            "even": lambda: np.zeros(w, np.bool_),
            "family": lambda: np.zeros(p, np.int64),
            "families": lambda: np.ones(w, np.int64),
            "spot": lambda: np.zeros(p, np.bool_),
            "spot_percent": lambda: np.full(w, 100, np.int64),
            "money": lambda: np.zeros(0),
            "payer": lambda: np.full(w, -1, np.int64),
        }
        for name, default in absent.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, default())
        for what, keeps in _RULES:
            if not keeps(self):
                raise ValueError(f"fleet: {what}")

    @property
    def workloads(self) -> int:
        """W."""
        return int(self.load.shape[0])

    @property
    def pools(self) -> int:
        """P."""
        return int(self.limit.shape[0])

    def only(self, workloads: Index) -> Fleet:
        """Those workloads, before the same pools and budgets."""
        return replace(self, **{f.name: getattr(self, f.name)[workloads] for f in fields(self) if f.name not in SHARED})

    def price(self, row: Index, replicas: Whole) -> Reals:
        """(M,) money per hour of (M, P) replicas of the workloads `row`: (M,)."""
        priced: Reals = (replicas * self.cost[row] + np.maximum(replicas - self.current[row], 0) * self.added[row]).sum(axis=1)
        return priced

    def carried(self, row: Index, replicas: Whole) -> Reals:
        """(M,) requests per second that (M, P) replicas of the workloads `row` carry."""
        capacity = self.capacity[row]
        slowest = np.where(replicas > 0, capacity, np.inf).min(axis=1, initial=np.inf)
        total = replicas.sum(axis=1)
        evenly = np.where(total > 0, total * np.where(np.isfinite(slowest), slowest, 0.0), 0.0)
        return np.where(self.even[row], evenly, (replicas * capacity).sum(axis=1))

    def coupled(self) -> Flags:
        """(W,) whether a workload has a rule that more replicas may keep where fewer break it."""
        bound: Flags = (self.families > 1) | ((self.spot_percent < 100) & self.spot.any())
        return bound | (self.floor > 0).any(axis=1)

    def ruled(self) -> Flags:
        """(W,) whether a workload has any rule about several pools together."""
        return self.coupled() | (self.maximum < ANY)

    def keeps(self, row: Index, replicas: Whole) -> Flags:
        """(M,) whether these replicas keep those rules."""
        total = replicas.sum(axis=1)
        used = replicas > 0
        count = np.zeros(row.size, dtype=np.int64)
        for family in np.unique(self.family):
            count += used[:, self.family == family].any(axis=1)
        good = (total <= self.maximum[row]) & (replicas >= self.floor[row]).all(axis=1)
        good &= (count >= self.families[row]) | (total == 0)
        kept: Flags = good & (100 * replicas[:, self.spot].sum(axis=1) <= self.spot_percent[row] * total)
        return kept

    def taken(self, row: Index, replicas: Whole, cost: Reals) -> Reals:
        """(M, P + B) devices of each pool and money of each budget that they take."""
        paid = np.zeros((row.size, self.money.size))
        paying = self.payer[row] >= 0
        paid[np.flatnonzero(paying), self.payer[row][paying]] = cost[paying]
        return np.concatenate([replicas * self.devices[row], paid], axis=1)

    @property
    def limits(self) -> Reals:
        """(P + B,) of what is shared."""
        return np.concatenate([self.limit, self.money])


SHARED = frozenset({"limit", "family", "spot", "money"})
"""Fields that are of pools and budgets, and have no entry for each workload."""


def _finite(*values: Reals) -> bool:
    """Whether none is negative, infinite or not a number."""
    return all(bool(np.isfinite(each).all() and (each >= 0).all()) for each in values)


def _not_negative(*values: Whole | Reals) -> bool:
    return all(bool((each >= 0).all()) for each in values)


_RULES: tuple[tuple[str, Callable[[Fleet], bool]], ...] = (
    ("there must be a pool", lambda f: f.pools > 0),
    ("loads must be finite and not negative (requests per second)", lambda f: _finite(f.load)),
    ("capacities must be finite and not negative (requests per second and replica)", lambda f: _finite(f.capacity)),
    (
        "costs must be finite, and positive where a pool may be used (money per hour)",
        lambda f: _finite(f.cost, f.cost[f.capacity > 0] - _TINY),
    ),
    ("added costs must be finite and not negative (money per hour)", lambda f: _finite(f.added)),
    ("devices of a replica must be finite and not negative", lambda f: _finite(f.devices)),
    ("limits of pools must not be negative; inf where there is none", lambda f: _not_negative(f.limit)),
    ("replicas now and at most must not be negative", lambda f: _not_negative(f.current, f.most)),
    ("least, maximum, floor and families must not be negative", lambda f: _not_negative(f.least, f.maximum, f.floor, f.families)),
    ("spot shares must be between 0 and 100 percent", lambda f: _not_negative(f.spot_percent, 100 - f.spot_percent)),
    ("budgets must not be negative (money per hour)", lambda f: _not_negative(f.money)),
    ("every payer must be a budget, or -1 for none", lambda f: _not_negative(f.payer + 1, f.money.size - 1 - f.payer)),
)
"""What a fleet must keep, and how a user reads it."""
