"""The HTTPRoute of a workload: one rule, and a backend with its weight for each placement's Service."""

from __future__ import annotations

from collections.abc import Callable

from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.route import RouteParent
from steelyard.core.placing.intent import RouteIntent
from steelyard.render import label, name
from steelyard.render.manifest import Manifest, owned_by_workload
from steelyard.render.service import PORT

BACKENDS = 16
"""The Gateway API lets one rule have no more: those with the largest weights are in it."""


def http_route(workload: WorkloadKey, uid: str, intent: RouteIntent, called: Callable[[PlacementKey], str]) -> Manifest:
    """called: the name of a placement's Service."""
    routing = intent.routing
    kept = sorted(sorted(intent.weights, key=lambda key: (-intent.weights[key], key))[:BACKENDS])
    spec: Manifest = {
        "parentRefs": [_parent(parent) for parent in routing.parents],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": routing.path}}],
                "backendRefs": [
                    {"group": "", "kind": "Service", "name": called(key), "port": PORT, "weight": intent.weights[key]} for key in kept
                ],
            }
        ],
    }
    if routing.hostnames:
        spec["hostnames"] = list(routing.hostnames)
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {
            "name": name.front(workload),
            "namespace": workload.namespace,
            "labels": label.of_workload(workload),
            "ownerReferences": [owned_by_workload(workload, uid)],
        },
        "spec": spec,
    }


def _parent(parent: RouteParent) -> Manifest:
    found: Manifest = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": parent.name}
    given = {"namespace": parent.namespace, "sectionName": parent.section, "port": parent.port}
    return found | {field: value for field, value in given.items() if value is not None}
