"""Services: one stable front for clients, and one a placement for weighted routes, trials and measurements."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.render import label, name
from steelyard.render.manifest import Manifest, owned_by_workload

PORT = 80
HTTP = "http"
"""By name: a program of the user's own listens where it likes."""


def front(workload: WorkloadKey, uid: str) -> Manifest:
    """All serving pods of the workload, whatever pool and revision: each ready one gets about an equal share of connections."""
    return _service(name.front(workload), workload, uid, label.of_workload(workload), label.serving(workload))


def of_placement(workload: WorkloadKey, uid: str, key: PlacementKey, called: str | None = None) -> Manifest:
    """The serving pods of one placement. `called`: the name of its Deployment, where that stands."""
    return _service(
        called or name.placement(workload, key), workload, uid, label.of_placement(workload, key), label.selector(workload, key)
    )


def of_standing(
    workload: WorkloadKey, uid: str, standing: Mapping[PlacementKey, str], gone: Collection[PlacementKey]
) -> tuple[Manifest, ...]:
    """A placement has its Service for as long as it stands and is not to go: one that somebody deleted comes back. `standing`: names of the
    Deployments that stand."""
    return tuple(of_placement(workload, uid, key, called) for key, called in standing.items() if key not in gone)


def left_over(owned: Iterable[Manifest], present: Iterable[Manifest], deployments: Collection[str]) -> tuple[Manifest, ...]:
    """Those of a workload's own Services that are of a placement which neither stands nor is to come: who died between two deletions left
    them, and no placement names them. `present`: what should exist; `deployments`: names of those that stand, or may."""
    kept = {manifest["metadata"]["name"] for manifest in present}.union(deployments)
    of_placements = (service for service in owned if label.POOL in (service["metadata"].get("labels") or {}))
    return tuple(service for service in of_placements if service["metadata"]["name"] not in kept)


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
        "spec": {"selector": selector, "ports": [{"name": "http", "port": PORT, "protocol": "TCP", "targetPort": HTTP}]},
    }
