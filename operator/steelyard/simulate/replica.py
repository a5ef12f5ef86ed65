"""One replica as a pod: where it is in its life, and the slots that it serves with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.resources import Resources
from steelyard.simulate.node import Node


@dataclass(slots=True, kw_only=True, eq=False)
class Replica:
    """`free_at` by slot: until when it works on what it has. `given`: seconds of service that it was given so far. `bound`: the longest wait
    (seconds) before it sheds.

    `number` counts replicas of the whole world. `node` None: no node was found yet; `placed_at`: when one was. `crashes`: since it was last ready; `crashed_at`: when it
    last did. `leaving`: since when it takes no new requests.
    """

    number: int
    workload: str
    key: PlacementKey
    image: str
    resources: Resources
    created: float
    free_at: NDArray[np.float64]
    service: float
    spread: float
    bound: float
    errors: float = 0.0
    node: Node | None = None
    placed_at: float = float("-inf")
    ready_at: float = float("inf")
    ready: bool = False
    crashes: int = 0
    crashed_at: float | None = None
    leaving: float | None = None
    given: float = 0.0

    @property
    def slots(self) -> int:
        """Requests that it works on at the same time."""
        return len(self.free_at)

    def worked(self, now: float) -> float:
        """Seconds of its slots that went into requests until `now`: what it was given, less what is left."""
        if len(self.free_at) == 1:
            return self.given - max(0.0, float(self.free_at[0]) - now)
        return self.given - float(np.maximum(self.free_at - now, 0.0).sum())

    def drop(self, now: float) -> None:
        """What it works on is lost."""
        self.given = self.worked(now)
        self.free_at = np.full(len(self.free_at), now)

    def restart(self, now: float, ready_at: float) -> None:
        """The process ends, and begins anew."""
        self.drop(now)
        self.ready_at, self.crashes, self.crashed_at = ready_at, self.crashes + 1, now
