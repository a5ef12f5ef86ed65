"""What a move asks Cluster Autoscaler for: a ProvisioningRequest for pods like those of the target, and the PodTemplate that it names.

The request is there only until it is answered. Its booking is Cluster Autoscaler's own book alone, which no scheduler reads, and pods that consume one by
their annotation make no node come for the rest of their lives: so it is removed before the first pod is made, which carries no annotation.
"""

from __future__ import annotations

from steelyard.core.facts.capacity_request import Ask
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.snapshot import Settings
from steelyard.core.placing.intent import CapacityIntent
from steelyard.render import label, name
from steelyard.render.deployment import deployment
from steelyard.render.manifest import Manifest, owned_by_workload

CLASSES = {
    Ask.CHECK_CAPACITY: "check-capacity.autoscaling.x-k8s.io",
    Ask.ATOMIC_SCALE_UP: "best-effort-atomic-scale-up.autoscaling.x-k8s.io",
}


def capacity_request(workload: WorkloadKey, uid: str, intent: CapacityIntent, settings: Settings) -> tuple[Manifest, Manifest]:
    """The PodTemplate, and the request for so many of it."""
    key = intent.placement.key
    metadata = {
        "name": name.capacity_request(workload, key, intent.move),
        "namespace": workload.namespace,
        "labels": label.of_capacity(workload, key, intent.move),
        "ownerReferences": [owned_by_workload(workload, uid)],
    }
    template = deployment(workload, uid, intent.placement, settings)["spec"]["template"]
    spec = {
        "provisioningClassName": CLASSES[intent.ask],
        "parameters": _parameters(intent),
        "podSets": [{"count": intent.count, "podTemplateRef": {"name": metadata["name"]}}],
    }
    return (
        {"apiVersion": "v1", "kind": "PodTemplate", "metadata": metadata, "template": template},
        {"apiVersion": "autoscaling.x-k8s.io/v1", "kind": "ProvisioningRequest", "metadata": metadata, "spec": spec},
    )


def _parameters(intent: CapacityIntent) -> dict[str, str]:
    """That it says so at once where there is no room on the nodes that stand, and how long it tries to have nodes made."""
    return {"noRetry": "true"} if intent.ask is Ask.CHECK_CAPACITY else {"ValidUntilSeconds": str(intent.seconds)}
