"""The InferencePool of a pool's serving pods, or of all of a workload's: the endpoint picker that it names chooses the pod of each request."""

from __future__ import annotations

from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.route import PICKER_POOL, InferencePools
from steelyard.render import label, name
from steelyard.render.deployment import HTTP_PORT
from steelyard.render.manifest import Manifest, owned_by_workload

GROUP, KIND = "inference.networking.k8s.io", "InferencePool"


def inference_pool(workload: WorkloadKey, uid: str, asked: InferencePools, pool: str) -> Manifest:
    """pool: whose pods it selects, of all revisions and variants; empty for those of all pools."""
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": KIND,
        "metadata": {
            "name": name.inference_pool(workload, pool),
            "namespace": workload.namespace,
            "labels": label.of_workload(workload),
            "ownerReferences": [owned_by_workload(workload, uid)],
        },
        "spec": {
            "selector": {"matchLabels": {**label.serving(workload), **({label.POOL: pool} if pool else {})}},
            "targetPorts": [{"number": asked.target_port or HTTP_PORT}],
            "endpointPickerRef": {
                "group": "",
                "kind": "Service",
                "name": asked.picker.replace(PICKER_POOL, pool),
                "port": {"number": asked.picker_port},
                "failureMode": asked.failure_mode,
            },
        },
    }
