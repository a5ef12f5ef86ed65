"""One placement problem, in nobody's words: what every policy is given, and what it may answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import floor
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Reals: TypeAlias = npt.NDArray[np.float64]
Whole: TypeAlias = npt.NDArray[np.int64]
SLACK = 1e-9
MOST = 10_000
"""Replicas of a workload on a pool without a limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Classes:
    """Requests of several lengths. share: (B,) of the load. rate: (B, P) requests per second of one class that a replica serves.

    routed: whether a router looks at the length, so that each class may go to pools of its own; otherwise every replica gets the mix.
    """

    share: Reals
    rate: Reals
    routed: bool

    def of_the_mix(self) -> Reals:
        """(P,) requests per second of a replica that gets the mix; 0 where one class is not served."""
        with np.errstate(divide="ignore"):
            mixed: Reals = 1.0 / (self.share[:, None] / self.rate).sum(axis=0)
        return mixed


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """W workloads, P pools. load: (W,) requests per second. limit: (P,) devices, inf where there is none. All others: (W, P).

    capacity: requests per second and replica, 0 where the promise cannot be kept. cost: money per hour and replica, and `added` for each
    above `current`. devices: of a replica. A name is "family/number".
    """

    name: str
    load: Reals
    capacity: Reals
    cost: Reals
    devices: Whole
    limit: Reals
    current: Whole
    added: Reals
    classes: Classes | None = None
    even: bool = False

    @property
    def family(self) -> str:
        """What its name begins with."""
        return self.name.partition("/")[0]

    @property
    def routed(self) -> bool:
        """Whether a router sends requests by their length."""
        return self.classes is not None and self.classes.routed

    def fit(self, w: int, p: int, room: Reals) -> int:
        """Replicas of a workload that fit into the devices left of a pool."""
        return MOST if np.isinf(room[p]) else max(0, floor(room[p] / self.devices[w, p] + SLACK))


def single(
    name: str,
    load: float,
    capacity: Reals,
    cost: Reals,
    *,
    limit: Reals | None = None,
    current: Whole | None = None,
    added: Reals | None = None,
    classes: Classes | None = None,
) -> Case:
    """A case of one workload, one device a replica; (P,) each."""
    pools = capacity.size
    return Case(
        name=name,
        load=np.array([load], dtype=float),
        capacity=capacity[None].astype(float),
        cost=cost[None].astype(float),
        devices=np.ones((1, pools), dtype=np.int64),
        limit=np.full(pools, np.inf) if limit is None else limit.astype(float),
        current=np.zeros((1, pools), dtype=np.int64) if current is None else current[None],
        added=np.zeros((1, pools)) if added is None else added[None],
        classes=classes,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """replicas: (W, P); None where none were given. said: planned, infeasible or undecided. gap: what the policy itself certifies."""

    replicas: Whole | None
    said: str
    gap: float | None = None
    why: str = ""


Policy: TypeAlias = Callable[[Case], Answer]


def planned(replicas: Whole) -> Answer:
    """An answer of a policy that certifies nothing."""
    return Answer(replicas=replicas, said="planned")
