"""What a Deployment's pods say of it."""

from typing import Any

from steelyard.control.gather.workload_facts import placement_of

DEPLOYMENT = {
    "metadata": {"name": "w", "labels": {"steelyard.dev/pool": "p", "steelyard.dev/revision": "r"}},
    "spec": {"replicas": 3},
}


def pod(*conditions: tuple[str, str, str], leaving: bool = False) -> dict[str, Any]:
    told = [{"type": kind, "status": status, "reason": reason} for kind, status, reason in conditions]
    asked = {"containers": [{"resources": {"requests": {"memory": "2Gi", "cpu": "1"}}}]}
    named = {"name": "w-1", "namespace": "n", **({"deletionTimestamp": "2026-01-01T00:00:00Z"} if leaving else {})}
    return {"metadata": named, "spec": asked, "status": {"conditions": told}}


def refused(message: str, **condition: str) -> dict[str, Any]:
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message, **condition}
    return {**DEPLOYMENT, "status": {"conditions": [{"type": "Available", "status": "False"}, failure]}}


QUOTA = 'pods "w-7d9-{name}" is forbidden: exceeded quota: small, requested: cpu=2,memory=4Gi, used: cpu={used},memory=1Gi, limited: cpu=4'


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
    assert placement.unplaced_message == (
        "no node of pool p has room for a replica, which asks for cpu 1, memory 2Gi: free one or add one; "
        "`kubectl describe pod w-1 --namespace n` says what each lacks"
    )


def test_pods_that_the_api_server_refuses_are_missing_and_the_reason_does_not_drift() -> None:
    ready = pod(("PodScheduled", "True", ""), ("Ready", "True", ""))
    first, second = (placement_of(refused(QUOTA.format(name=name, used=used)), [ready], None) for name, used in (("abc", 3), ("xyz", 4)))
    assert first == second
    assert (first.pods, first.ready, first.unplaced) == (1, 1, 2)
    assert first.unplaced_message == (
        "the API server refuses their pods: exceeded quota: small, requested: cpu=2,memory=4Gi, limited: cpu=4"
    )


def test_what_went_wrong_only_on_the_way_or_is_over_is_no_refusal() -> None:
    ready = pod(("PodScheduled", "True", ""), ("Ready", "True", ""))
    for deployment, pods in (
        (refused("Post https://api: context deadline exceeded"), [ready]),
        (refused(QUOTA.format(name="a", used=3), status="False"), [ready]),
        (refused(QUOTA.format(name="a", used=3)), [ready] * 3),
        (DEPLOYMENT, [ready]),
    ):
        placement = placement_of(deployment, pods, None)
        assert (placement.unplaced, placement.unplaced_message) == (0, "")


def started(seconds: int, restarts: int = 0) -> dict[str, Any]:
    made = pod(("PodScheduled", "True", ""), ("Ready", "True", ""))
    made["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    made["status"]["conditions"][1]["lastTransitionTime"] = f"2026-01-01T00:{seconds // 60:02}:{seconds % 60:02}Z"
    made["status"]["containerStatuses"] = [{"restartCount": restarts}]
    return made


def test_a_start_takes_the_median_of_what_ready_pods_took_and_one_that_was_started_again_does_not_tell() -> None:
    assert placement_of(DEPLOYMENT, [started(100), started(300), started(120)], None).start_seconds == 120.0
    assert placement_of(DEPLOYMENT, [started(100), started(3000, restarts=1)], None).start_seconds == 100.0
    assert placement_of(DEPLOYMENT, [pod(("Ready", "False", ""))], None).start_seconds is None, "nothing is known, which is not 0"
