"""The ScaleTarget of a workload on a pool: made once, and its replicas never written again."""

from __future__ import annotations

from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.placing.intent import ScaleTargetIntent
from steelyard.render import label, name
from steelyard.render.manifest import Manifest, owned_by_workload


def scale_target(workload: WorkloadKey, uid: str, pool: str, intent: ScaleTargetIntent) -> Manifest:
    """With the status that it should have, which is written by itself."""
    selector = {**label.serving(workload), label.POOL: pool}
    return {
        "apiVersion": "steelyard.dev/v1alpha1",
        "kind": "ScaleTarget",
        "metadata": {
            "name": name.scale_target(workload, pool),
            "namespace": workload.namespace,
            "labels": {**label.of_workload(workload), label.POOL: pool},
            "ownerReferences": [owned_by_workload(workload, uid)],
        },
        "spec": {"workloadName": workload.name, "pool": pool, "replicas": intent.first},
        "status": {
            "replicas": intent.pods,
            "readyReplicas": intent.ready,
            "selector": ",".join(f"{key}={value}" for key, value in sorted(selector.items())),
        },
    }
