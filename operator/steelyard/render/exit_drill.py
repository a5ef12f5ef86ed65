"""The AcceleratorTrial of a workload's exit drill: made once, and gone with the workload."""

from __future__ import annotations

from decimal import Decimal

from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.placing.intent import DrillIntent
from steelyard.render import label
from steelyard.render.manifest import Manifest, owned_by_workload


def exit_drill(workload: WorkloadKey, uid: str, intent: DrillIntent) -> Manifest:
    """Without claims of its own: it judges those that the pools have."""
    return {
        "apiVersion": "steelyard.dev/v1alpha1",
        "kind": "AcceleratorTrial",
        "metadata": {
            "name": intent.name,
            "namespace": workload.namespace,
            "labels": label.of_workload(workload),
            "ownerReferences": [owned_by_workload(workload, uid)],
        },
        "spec": {
            "workloadName": workload.name,
            "pools": list(intent.pools),
            # As the user wrote it, never with an exponent.
            "budget": format(Decimal(repr(intent.budget)), "f"),
            "durationSeconds": intent.duration_seconds,
            "deadlineSeconds": intent.deadline_seconds,
        },
    }
