"""What a Deployment's pods say of it."""

from typing import Any

from steelyard.control.workload_facts import placement_of

DEPLOYMENT = {
    "metadata": {"name": "w", "labels": {"steelyard.dev/pool": "p", "steelyard.dev/revision": "r"}},
    "spec": {"replicas": 3},
}


def pod(*conditions: tuple[str, str, str], leaving: bool = False) -> dict[str, Any]:
    told = [{"type": kind, "status": status, "reason": reason} for kind, status, reason in conditions]
    return {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"} if leaving else {}, "status": {"conditions": told}}


def test_a_pod_without_a_node_is_told_apart_from_one_that_starts() -> None:
    nowhere = ("PodScheduled", "False", "Unschedulable")
    pods = [
        pod(("PodScheduled", "True", ""), ("Ready", "True", "")),
        pod(("PodScheduled", "True", ""), ("Ready", "False", "")),
        pod(nowhere),
        pod(("PodScheduled", "False", "SchedulingGated")),
        pod(nowhere, leaving=True),
    ]
    placement = placement_of(DEPLOYMENT, pods, None)
    assert (placement.pods, placement.ready, placement.unplaced) == (5, 1, 1)
