"""One replica as a pod: where it is in its life, and the server that runs in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.resources import Resources
from steelyard.simulate.batches import Batches
from steelyard.simulate.iterations import Iterations
from steelyard.simulate.node import Node
from steelyard.simulate.slots import Slots

Server: TypeAlias = Slots | Batches | Iterations


@dataclass(slots=True, kw_only=True, eq=False)
class Replica:
    """`number` counts replicas of the whole world. `node` None: no node was found yet; `placed_at`: when one was. `crashes`: since it was last ready;
    `crashed_at`: when it last did. `leaving`: since when it takes no new requests. `errors`: part of its answers that fail. `weight`: of the requests that the
    front sends it, beside those of other replicas.
    """

    number: int
    workload: str
    key: PlacementKey
    image: str
    resources: Resources
    created: float
    server: Server
    errors: float = 0.0
    weight: float = 1.0
    node: Node | None = None
    placed_at: float = float("-inf")
    ready_at: float = float("inf")
    ready: bool = False
    crashes: int = 0
    crashed_at: float | None = None
    leaving: float | None = None

    def worked(self, now: float) -> float:
        """Seconds that went into requests until `now`, summed over what it does at the same time."""
        return self.server.worked(now)

    def drop(self, now: float) -> None:
        """What it works on is lost."""
        self.server.drop(now)

    def restart(self, now: float, ready_at: float) -> None:
        """The process ends, and begins anew."""
        self.drop(now)
        self.ready_at, self.crashes, self.crashed_at = ready_at, self.crashes + 1, now
