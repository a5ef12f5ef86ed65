"""The workload's HTTPRoute as it stands: its weights, and what the controllers of its Gateways have said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import TypeAlias

from steelyard.control.gather.parent_status import Child, told
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import HTTP_ROUTES, INFERENCE_POOLS, SERVICES
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.route import Route, Routing
from steelyard.core.facts.snapshot import Placement
from steelyard.core.vocabulary.reason import Reason, Refusal
from steelyard.render import name

NOT_SERVED = Route(
    weights={},
    refusal=Refusal(
        Reason.NO_GATEWAY_API,
        "spec.traffic asks for an HTTPRoute, and the API server does not serve gateway.networking.k8s.io/v1: install the Gateway API's "
        "definitions and a gateway, or remove spec.traffic",
    ),
    served=False,
)
ROUTE = Child(HTTP_ROUTES.kind, Reason.ROUTE_NOT_ACCEPTED, "is there such a Gateway with such a listener, and does its controller run?")
Backends: TypeAlias = Mapping[tuple[str, str], Mapping[PlacementKey, int]]
"""By kind and name: ready replicas of the placements that a backend sends requests to."""


def backends_of(workload: WorkloadKey, routing: Routing, placements: Sequence[Placement]) -> Backends:
    """All that the workload's route may name."""
    found = {(SERVICES.kind, place.name): {place.key: place.ready} for place in placements}
    if routing.pools is not None:
        for place in placements:
            called = name.inference_pool(workload, routing.pools.of(place.key))
            found.setdefault((INFERENCE_POOLS.kind, called), {})[place.key] = place.ready
    return found


def route_of(raw: Manifest, routing: Routing, backends: Backends) -> Route:
    """What stands, and what the parents say of it."""
    said = [told(raw, ROUTE, parent) for parent in routing.parents]
    return Route(
        weights=_weights(raw, backends),
        refusal=next((refusal for refusal, _ in said if refusal is not None), None),
        taken_up=all(taken_up for _, taken_up in said),
    )


def _weights(raw: Manifest, backends: Backends) -> Mapping[PlacementKey, int]:
    found = Counter[PlacementKey]()
    for number, rule in enumerate((raw.get("spec") or {}).get("rules") or ()):
        for backend in rule.get("backendRefs") or ():
            ready = backends.get((str(backend.get("kind", SERVICES.kind)), str(backend.get("name"))), {})
            # Nobody asks for the path of a second rule.
            found.update(_divided(int(backend.get("weight", 1)) if number == 0 else 0, ready))
    return dict(found)


def _divided(weight: int, ready: Mapping[PlacementKey, int]) -> Mapping[PlacementKey, int]:
    """By replica: more is not known of how an endpoint picker chooses."""
    by = ready if any(ready.values()) else dict.fromkeys(ready, 1)
    upto = [weight * n // sum(by.values()) for n in accumulate(by.values(), initial=0)] if by else []
    return {key: after - before for key, (before, after) in zip(by, pairwise(upto), strict=True)}
