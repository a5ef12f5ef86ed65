"""The route by which a gateway sends a workload's requests to its placements by weights: what the user asks for, and what is seen of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from steelyard.core.facts.identity import PlacementKey, on_pool
from steelyard.core.vocabulary.reason import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteParent:
    """A Gateway that the route is attached to, and which of its listeners; None: all that match."""

    name: str
    namespace: str | None = None
    section: str | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InferencePools:
    """The InferencePools that the user asks for as backends: one for each pool, or a single one for the workload. `picker`: the Service of the endpoint
    picker; PICKER_POOL in it stands for the pool's name. `target_port`: of the pods; None: that of Steelyard's own servers."""

    shared: bool
    picker: str
    picker_port: int
    failure_mode: str
    target_port: int | None = None

    def of(self, key: PlacementKey) -> str:
        """The pool whose InferencePool selects the placement's pods; empty for the one that selects all. A picker has to be named before there are
        revisions and variants, and an InferencePool selects by labels that are there: so all of a pool's are in one."""
        return "" if self.shared else on_pool(key.pool)

    def sent_to(self, accepted: Sequence[str], weights: Mapping[PlacementKey, int]) -> tuple[str, ...]:
        """Of the accepted ones those that get the requests by these weights: none while any that should get some is not accepted, since all go by
        Services then."""
        pools = {self.of(key) for key in weights}
        if any(n and self.of(key) not in accepted for key, n in weights.items()):
            return ()
        return tuple(pool for pool in accepted if pool in pools)


PICKER_POOL = "{pool}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """What the user asks for: the parents, the host names that are served (empty: those of the listeners), the prefix of the path, and InferencePools
    as backends; None: Services."""

    parents: tuple[RouteParent, ...]
    hostnames: tuple[str, ...] = ()
    path: str = "/"
    pools: InferencePools | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What is seen of the workload's route. `weights`: as the object has them, by placement. `refusal`: why no gateway serves it, in the gateway's
    words where it says so; None where all parents accept it. `taken_up`: whether every parent has seen the object as it is now. `served`: whether the
    API server has the kind at all. `accepted`: the InferencePools that all parents accept, by pool as `InferencePools.of` says it. `not_picked`: why
    one is not accepted."""

    weights: Mapping[PlacementKey, int]
    refusal: Refusal | None = None
    taken_up: bool = True
    served: bool = True
    accepted: tuple[str, ...] = ()
    not_picked: Refusal | None = None

    def part(self, key: PlacementKey) -> float:
        """Of the requests, that it sends to the placement."""
        total = sum(self.weights.values())
        return self.weights.get(key, 0) / total if total else 0.0
