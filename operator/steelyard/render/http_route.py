"""The HTTPRoute of a workload: one rule, with a backend and its weight for each placement's Service, or for each InferencePool, and one that names
InferencePools until they are accepted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.route import RouteParent
from steelyard.core.placing.intent import RouteIntent
from steelyard.render import inference_pool, label, name
from steelyard.render.manifest import Manifest, owned_by_workload
from steelyard.render.service import PORT

BACKENDS = 16
"""The Gateway API lets one rule have no more: those with the largest weights are in it."""
WAITING = "/steelyard.dev/waiting-to-be-accepted"
"""The path of a rule that nobody asks for. Controllers say nothing of an InferencePool that no route names, and some run its endpoint picker for every
request of a rule that names it, the Services' beside it too. It has a weight there: a backend without one may be left out of account."""


def http_route(workload: WorkloadKey, uid: str, intent: RouteIntent, called: Callable[[PlacementKey], str]) -> Manifest:
    """called: the name of a placement's Service."""
    routing = intent.routing
    rules = [_rule("PathPrefix", routing.path, [*(_inference_pools(workload, intent) if intent.accepted else _services(intent, called))])]
    if waiting := [_inference_pool(workload, pool, 1) for pool in intent.pools if pool not in intent.accepted]:
        rules.append(_rule("Exact", WAITING, waiting))
    spec: Manifest = {"parentRefs": [_parent(parent) for parent in routing.parents], "rules": rules}
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


def _rule(how: str, path: str, backends: Sequence[Manifest]) -> Manifest:
    kept = sorted(range(len(backends)), key=lambda n: -backends[n]["weight"])[:BACKENDS]
    return {"matches": [{"path": {"type": how, "value": path}}], "backendRefs": [backends[n] for n in sorted(kept)]}


def _services(intent: RouteIntent, called: Callable[[PlacementKey], str]) -> Iterator[Manifest]:
    for key, weight in sorted(intent.weights.items()):
        yield {"group": "", "kind": "Service", "name": called(key), "port": PORT, "weight": weight}


def _inference_pools(workload: WorkloadKey, intent: RouteIntent) -> Iterator[Manifest]:
    asked = intent.routing.pools
    for pool in intent.accepted:
        yield _inference_pool(workload, pool, sum(n for key, n in intent.weights.items() if asked is not None and asked.of(key) == pool))


def _inference_pool(workload: WorkloadKey, pool: str, weight: int) -> Manifest:
    called = name.inference_pool(workload, pool)
    return {"group": inference_pool.GROUP, "kind": inference_pool.KIND, "name": called, "weight": weight}


def _parent(parent: RouteParent) -> Manifest:
    found: Manifest = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": parent.name}
    given = {"namespace": parent.namespace, "sectionName": parent.section, "port": parent.port}
    return found | {field: value for field, value in given.items() if value is not None}
