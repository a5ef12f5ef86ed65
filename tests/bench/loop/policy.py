"""What a policy is told, what it sees, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

STEP = 10
"""Seconds of a step."""
USABLE = 0.85
"""The part of a replica's capacity that may be used; what a step brings beyond it is missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A pool: as it is in the world, or as a policy is told of it (then `capacity` may be a claim).

    capacity: requests per second of one replica when it is busy all the time; price: money per hour and replica at the start;
    limit: replicas starting or ready at once, None if unbounded; notice_seconds: how long before it falls a lower limit is announced.
    """

    name: str
    capacity: float
    price: float
    startup_seconds: int
    drain_seconds: int = 30
    limit: int | None = None
    notice_seconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What was seen since the last call, and what stands now. Tuples are in the order of the pools.

    now: seconds since the start, at which this call is made; seconds: length of the window since the last call, 0 at the first one.
    requests, missed: counts in the window. served: requests that came to each pool; the balancer spreads them by true capacity.
    busy: mean part of its time that a ready replica of the pool was busy in the window, at most 1; None where none was ready.
    replica_seconds: ready replicas, over the window. ready, starting: replicas now. prices: money per hour now.
    limits: replicas that may be starting or ready now, None if unbounded; limits_soon: the lowest of them within the pool's notice.
    """

    now: int
    seconds: int
    requests: float
    missed: float
    served: tuple[float, ...]
    busy: tuple[float | None, ...]
    replica_seconds: tuple[float, ...]
    ready: tuple[int, ...]
    starting: tuple[int, ...]
    prices: tuple[float, ...]
    limits: tuple[int | None, ...]
    limits_soon: tuple[int | None, ...]


class Policy(Protocol):
    """Decides how many replicas are wanted. One object is run once."""

    every_seconds: int
    """Time between calls: a multiple of STEP."""

    def start(self, pools: Sequence[Pool], *, allowance: float, seed: int) -> None:
        """Before the first step. allowance: the part of all requests that may be missed."""

    def step(self, seen: Observation) -> Sequence[int]:
        """Replicas wanted (starting or ready) of each pool, in the order of the pools.

        More than the limit is cut. What is added is paid at once and ready after the start-up. What is removed is taken from the newest
        that start, which cost nothing more, and then from the ready, which serve no longer and are paid until they have drained.
        """
