"""What a policy is told, what it sees, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

STEP = 15
"""Seconds from look to look, as the operator's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A pool. milliseconds: that one request occupies a replica; price: money per hour and replica at the start; limit: replicas starting or
    ready at once, None if unbounded."""

    name: str
    milliseconds: float
    price: float
    startup_seconds: int
    drain_seconds: int = 30
    limit: int | None = None

    @property
    def capacity(self) -> float:
        """Requests per second of one replica that is busy all the time."""
        return 1000 / self.milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What was seen since the last call, and what stands now. Tuples are in the order of the pools.

    now: seconds since the load began, at which this call is made; seconds: length of the window since the last call. requests, missed: counts
    in the window. busy: mean part of its time that a ready replica of the pool was busy in the window; None where none was ready.
    replica_seconds: ready replicas, over the window. ready, starting: replicas now. prices: money per hour now.
    """

    now: float
    seconds: float
    requests: int
    missed: int
    busy: tuple[float | None, ...]
    replica_seconds: tuple[float, ...]
    ready: tuple[int, ...]
    starting: tuple[int, ...]
    prices: tuple[float, ...]


class Policy(Protocol):
    """Decides every STEP seconds how many replicas are wanted. One object is run once."""

    def start(self, pools: Sequence[Pool], *, allowance: float) -> None:
        """Before the first step, with the truth about the pools. allowance: the part of all requests that may be missed."""

    def step(self, seen: Observation) -> Sequence[int]:
        """Replicas wanted (starting or ready) of each pool, in the order of the pools. More than the limit is cut."""
