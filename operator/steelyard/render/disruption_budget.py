"""How many serving pods of a workload node drains may take away at once: whatever pools and revisions they are of, they carry one promise."""

from __future__ import annotations

from steelyard.core.facts.identity import WorkloadKey
from steelyard.render import label, name
from steelyard.render.manifest import Manifest, owned_by_workload


def disruption_budget(workload: WorkloadKey, uid: str, evictions_at_once: str) -> Manifest:
    """`evictions_at_once`: a number of pods, or percent (10%) of those that should be there, rounded up.

    A single replica may go: a budget that allows nothing would block every drain of its node. Pods that are not ready may always go: they
    serve nobody, and may never become ready where they are.
    """
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {
            "name": name.front(workload),
            "namespace": workload.namespace,
            "labels": label.of_workload(workload),
            "ownerReferences": [owned_by_workload(workload, uid)],
        },
        "spec": {
            "maxUnavailable": int(evictions_at_once) if evictions_at_once.isdecimal() else evictions_at_once,
            "selector": {"matchLabels": label.serving(workload)},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }
