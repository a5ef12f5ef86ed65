"""The route by which a gateway sends a workload's requests to its placements by weights: what the user asks for, and what is seen of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.vocabulary.reason import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteParent:
    """A Gateway that the route is attached to, and which of its listeners; None: all that match."""

    name: str
    namespace: str | None = None
    section: str | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """What the user asks for: the parents, the host names that are served (empty: those of the listeners), and the prefix of the path."""

    parents: tuple[RouteParent, ...]
    hostnames: tuple[str, ...] = ()
    path: str = "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What is seen of the workload's route. `weights`: as the object has them, by placement. `refusal`: why no gateway serves it, in the gateway's
    words where it says so; None where all parents accept it. `taken_up`: whether every parent has seen the object as it is now. `served`: whether the
    API server has the kind at all."""

    weights: Mapping[PlacementKey, int]
    refusal: Refusal | None = None
    taken_up: bool = True
    served: bool = True

    def part(self, key: PlacementKey) -> float:
        """Of the requests, that it sends to the placement."""
        total = sum(self.weights.values())
        return self.weights.get(key, 0) / total if total else 0.0
