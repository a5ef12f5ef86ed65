"""The workload's HTTPRoute as it stands: its weights, and what the controllers of its Gateways have said of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.route import Route, RouteParent, Routing
from steelyard.core.vocabulary.reason import Reason, Refusal

WORDS = 300
"""Characters of a controller's message that are told."""
NOT_SERVED = Route(
    weights={},
    refusal=Refusal(
        Reason.NO_GATEWAY_API,
        "spec.traffic asks for an HTTPRoute, and the API server does not serve gateway.networking.k8s.io/v1: install the Gateway API's "
        "definitions and a gateway, or remove spec.traffic",
    ),
    served=False,
)


def route_of(raw: Manifest, routing: Routing, services: Mapping[str, PlacementKey]) -> Route:
    """services: placements by the names of their Services."""
    told = [_told(raw, parent) for parent in routing.parents]
    return Route(
        weights=dict(_weights(raw, services)),
        refusal=next((refusal for refusal, _ in told if refusal is not None), None),
        taken_up=all(taken_up for _, taken_up in told),
    )


def _weights(raw: Manifest, services: Mapping[str, PlacementKey]) -> Iterator[tuple[PlacementKey, int]]:
    for rule in (raw.get("spec") or {}).get("rules") or ():
        for backend in rule.get("backendRefs") or ():
            key = services.get(str(backend.get("name")))
            if key is not None:
                yield key, int(backend.get("weight", 1))


def _told(raw: Manifest, parent: RouteParent) -> tuple[Refusal | None, bool]:
    """(why the parent does not serve the route, whether it has seen it as it is now)."""
    route, gateway = f"HTTPRoute {manifests.name(raw)}", _called(parent)
    conditions = [c for entry in _entries(raw, parent) if (c := _by_type(entry))]
    if not conditions:
        said = f"{gateway} has said nothing of {route}: is there such a Gateway with such a listener, and does its controller run?"
        return Refusal(Reason.ROUTE_NOT_ACCEPTED, said), False
    # Several controllers may speak of one Gateway, as after a change of its class: one that accepts is enough.
    accepting = [c for c in conditions if _is(c, "Accepted")]
    if not accepting:
        return _refusal(f"{gateway} does not accept {route}", conditions[0].get("Accepted")), False
    serving = [c for c in accepting if "ResolvedRefs" not in c or _is(c, "ResolvedRefs")]
    if not serving:
        return _refusal(f"{gateway} does not find what {route} sends requests to", accepting[0]["ResolvedRefs"]), False
    generation = int(manifests.metadata(raw).get("generation") or 0)
    seen = [int(c["Accepted"].get("observedGeneration") or generation) for c in serving]
    return None, max(seen) >= generation


def _refusal(what: str, condition: Mapping[str, Any] | None) -> Refusal:
    if condition is None:
        return Refusal(Reason.ROUTE_NOT_ACCEPTED, f"{what}: its controller does not say why")
    why = " ".join(str(condition.get("message") or "").split())[:WORDS]
    return Refusal(Reason.ROUTE_NOT_ACCEPTED, f"{what} ({condition.get('reason') or condition.get('status')}){f': {why}' if why else ''}")


def _entries(raw: Manifest, parent: RouteParent) -> Sequence[Mapping[str, Any]]:
    """What controllers have written of that parent."""
    here = manifests.namespace(raw)
    wanted = (parent.name, parent.namespace or here, parent.section, parent.port)
    return [
        entry
        for entry in (raw.get("status") or {}).get("parents") or ()
        if (ref := entry.get("parentRef") or {})
        and (ref.get("name"), ref.get("namespace") or here, ref.get("sectionName"), ref.get("port")) == wanted
    ]


def _by_type(entry: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {str(c.get("type")): c for c in entry.get("conditions") or ()}


def _is(conditions: Mapping[str, Mapping[str, Any]], kind: str) -> bool:
    return conditions.get(kind, {}).get("status") == "True"


def _called(parent: RouteParent) -> str:
    where = f"{parent.namespace}/" if parent.namespace else ""
    listener = f" (listener {parent.section})" if parent.section else ""
    return f"Gateway {where}{parent.name}{listener}"
