"""Services: one stable front for clients, and one a placement for weighted routes, trials and measurements."""

from __future__ import annotations

from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.render import label, name
from steelyard.render.deployment import HTTP_PORT
from steelyard.render.manifest import Manifest, owned_by_workload

PORT = 80


def front(workload: WorkloadKey, uid: str) -> Manifest:
    """All serving pods of the workload, whatever pool and revision: each ready one gets about an equal share of connections."""
    return _service(name.front(workload), workload, uid, label.of_workload(workload), label.serving(workload))


def of_placement(workload: WorkloadKey, uid: str, key: PlacementKey) -> Manifest:
    """The serving pods of one placement."""
    return _service(name.placement(workload, key), workload, uid, label.of_placement(workload, key), label.selector(workload, key))


def _service(called: str, workload: WorkloadKey, uid: str, labels: dict[str, str], selector: dict[str, str]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": called,
            "namespace": workload.namespace,
            "labels": labels,
            "ownerReferences": [owned_by_workload(workload, uid)],
        },
        "spec": {"selector": selector, "ports": [{"name": "http", "port": PORT, "protocol": "TCP", "targetPort": HTTP_PORT}]},
    }
