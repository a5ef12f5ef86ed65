"""The stand-in refuses what Cluster Autoscaler refuses."""

from typing import Any

from stub.cluster_autoscaler import ATOMIC, CHECK, answer


def request(provisioning_class: str, count: int = 2, **status: Any) -> dict[str, Any]:
    pods = [{"count": count, "podTemplateRef": {"name": "t"}}]
    return {"spec": {"provisioningClassName": provisioning_class, "podSets": pods, "parameters": {"noRetry": "true"}}, "status": status}


def test_it_answers_by_the_room_that_there_is() -> None:
    assert answer(request(CHECK), {"t"}, 2) == ("Provisioned", "True", "CapacityIsFound", "Capacity is found in the cluster")
    assert answer(request(CHECK), {"t"}, 1) == ("Failed", "True", "CapacityIsNotFound", "CA could not find requested capacity")


def test_a_scale_up_that_cannot_be_had_is_tried_again() -> None:
    found = answer(request(ATOMIC), {"t"}, 1)
    assert found is not None and found[:3] == ("Provisioned", "False", "CapacityIsNotFound")


def test_a_pod_template_that_is_missing_fails_the_request() -> None:
    found = answer(request(CHECK), (), 9)
    assert found is not None and found[:3] == ("Failed", "True", "FailedToCreatePods")


def test_a_class_that_it_does_not_know_and_what_is_answered_are_left_alone() -> None:
    assert answer(request("check-capacity.kubernetes.io"), {"t"}, 9) is None
    assert answer(request(CHECK, conditions=[{"type": "Provisioned", "status": "True"}]), {"t"}, 0) is None
