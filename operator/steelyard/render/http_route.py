"""The HTTPRoute of a workload: one rule, and a backend with its weight for each placement's Service, or for each InferencePool."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.route import RouteParent
from steelyard.core.placing.intent import RouteIntent
from steelyard.render import inference_pool, label, name
from steelyard.render.manifest import Manifest, owned_by_workload
from steelyard.render.service import PORT

BACKENDS = 16
"""The Gateway API lets one rule have no more: those with the largest weights are in it."""


def http_route(workload: WorkloadKey, uid: str, intent: RouteIntent, called: Callable[[PlacementKey], str]) -> Manifest:
    """called: the name of a placement's Service."""
    routing = intent.routing
    backends = [*_services(intent, called), *_inference_pools(workload, intent)]
    kept = sorted(range(len(backends)), key=lambda n: -backends[n]["weight"])[:BACKENDS]
    spec: Manifest = {
        "parentRefs": [_parent(parent) for parent in routing.parents],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": routing.path}}],
                "backendRefs": [backends[n] for n in sorted(kept)],
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


def _services(intent: RouteIntent, called: Callable[[PlacementKey], str]) -> Iterator[Manifest]:
    """Of the placements that no InferencePool speaks for yet."""
    pools = intent.routing.pools
    for key, weight in sorted(intent.weights.items()):
        if pools is None or pools.of(key) not in intent.accepted:
            yield {"group": "", "kind": "Service", "name": called(key), "port": PORT, "weight": weight}


def _inference_pools(workload: WorkloadKey, intent: RouteIntent) -> Iterator[Manifest]:
    """A controller says nothing of one that no route names: until it is accepted it is named, and is sent nothing."""
    asked = intent.routing.pools
    if asked is None:
        return
    for pool in intent.pools:
        weight = sum(n for key, n in intent.weights.items() if asked.of(key) == pool)
        backend = {"group": inference_pool.GROUP, "kind": inference_pool.KIND, "name": name.inference_pool(workload, pool)}
        yield {**backend, "weight": weight if pool in intent.accepted else 0}


def _parent(parent: RouteParent) -> Manifest:
    found: Manifest = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": parent.name}
    given = {"namespace": parent.namespace, "sectionName": parent.section, "port": parent.port}
    return found | {field: value for field, value in given.items() if value is not None}
