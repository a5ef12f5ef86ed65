"""What keeps pods from running, told as what to do."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from steelyard.control.gather.lost_node import on_a_lost_node
from steelyard.control.gather.pod_trouble import secret_keys, trouble
from steelyard.control.gather.workload_facts import placement_of
from steelyard.core.vocabulary.reason import Reason, Refusal

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
DEPLOYMENT = {
    "metadata": {"name": "w", "labels": {"steelyard.dev/pool": "p", "steelyard.dev/revision": "r"}},
    "spec": {"replicas": 3},
}
KEYS = secret_keys(["artifact-store"], "hf://org/model", "hub")


def pod(state: dict[str, Any], name: str = "w-1", **more: Any) -> dict[str, Any]:
    container = {"name": "server", "image": "registry.example/serve:1", "resources": {}}
    return {
        "metadata": {"name": name, "namespace": "shop", **more.pop("metadata", {})},
        "spec": {"containers": [container], **more.pop("spec", {})},
        "status": {"phase": "Pending", "containerStatuses": [{"name": "server", **state}], **more.pop("status", {})},
    }


def waiting(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    return pod({"state": {"waiting": {"reason": reason, "message": message}}}, **more)


def wrong(found: dict[str, Any]) -> Refusal | None:
    return trouble(found, "a replica on pool p", KEYS, NOW)


@pytest.mark.parametrize(
    ("secret", "values"),
    [
        ("artifact-store", "--from-literal=AWS_ACCESS_KEY_ID=... --from-literal=AWS_SECRET_ACCESS_KEY=..."),
        ("hub", "--from-literal=HF_TOKEN=..."),
        ("other", "--from-literal=KEY=..."),
    ],
)
def test_a_missing_secret_is_named_with_its_namespace_and_the_command_that_makes_it(secret: str, values: str) -> None:
    found = wrong(waiting("CreateContainerConfigError", f'secret "{secret}" not found'))
    command = f"kubectl create secret generic {secret} --namespace shop {values}"
    assert found == Refusal(
        Reason.SECRET_MISSING, f"a replica on pool p waits for Secret {secret}, which namespace shop does not have: `{command}` makes it"
    )


def test_a_secret_that_lacks_a_key_is_another_sentence() -> None:
    found = wrong(waiting("CreateContainerConfigError", "couldn't find key HF_TOKEN in Secret shop/hub"))
    assert found is not None
    assert (found.reason, "key HF_TOKEN of Secret hub in namespace shop" in found.message) == (Reason.SECRET_MISSING, True)


def test_a_missing_secret_is_no_crash() -> None:
    placement = placement_of(DEPLOYMENT, [waiting("CreateContainerConfigError", 'secret "hub" not found')], None)
    assert (placement.pods, placement.crashing, placement.crash_message) == (1, 0, "")


def test_an_image_is_named_with_what_the_registry_says_and_without_what_changes() -> None:
    said = "failed to pull: dial tcp 10.0.0.5:{}->10.9.9.9:443: connection refused"
    first, second = (wrong(waiting("ErrImagePull", said.format(port))) for port in (51234, 40001))
    assert first == second
    assert first is not None
    assert first.reason is Reason.IMAGE_UNAVAILABLE
    assert "waits for image registry.example/serve:1, which its node cannot pull (failed to pull: dial tcp" in first.message


def test_what_the_kubelet_says_of_another_error_is_quoted() -> None:
    found = wrong(waiting("CreateContainerError", "container has runAsNonRoot\nand image will run as root"))
    assert found is not None
    assert found.reason is Reason.CONTAINER_NOT_CREATED
    assert "CreateContainerError: container has runAsNonRoot and image will run as root: `kubectl describe pod w-1" in found.message


def test_volumes_that_are_not_mounted_within_a_minute_are_named() -> None:
    """Of a Secret that is a volume the pod's status says only that there is no container yet."""

    def bound(seconds: float) -> dict[str, Any]:
        since = (NOW - timedelta(seconds=seconds)).isoformat()
        told = [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": since},
            {"type": "PodReadyToStartContainers", "status": "False"},
        ]
        volumes = [{"name": "tmp", "emptyDir": {}}, {"name": "signing", "secret": {"secretName": "steelyard-signing"}}]
        return waiting("ContainerCreating", spec={"volumes": volumes}, status={"conditions": told})

    assert wrong(bound(30)) is None
    found = wrong(bound(61))
    assert found is not None
    assert (found.reason, "see that Secret steelyard-signing can be had in namespace shop" in found.message) == (
        Reason.CONTAINER_NOT_CREATED,
        True,
    )


def test_a_pod_that_starts_or_leaves_has_no_trouble() -> None:
    assert wrong(waiting("ContainerCreating")) is None
    assert wrong(waiting("ErrImagePull", metadata={"deletionTimestamp": "2026-03-01T12:00:00Z"})) is None


def test_a_crash_says_how_often_and_how_it_ended_last() -> None:
    ended = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    state = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": ended, "restartCount": 4}
    killed = placement_of(DEPLOYMENT, [pod(state, name="w-2"), pod(state)], None)
    assert killed.crashing == 2
    assert killed.crash_message == (
        "pod w-1 was restarted 4 times, the last time after exit code 137 (OOMKilled):"
        " ask for more memory in spec.placement.pools[].resources"
    )
    state["lastState"] = {"terminated": {"exitCode": 1, "reason": "Error", "message": "no such\nmodel"}}
    assert placement_of(DEPLOYMENT, [pod(state)], None).crash_message == (
        "pod w-1 was restarted 4 times, the last time after exit code 1 (Error): no such model:"
        " see `kubectl logs w-1 --namespace shop --previous`"
    )


def test_the_node_that_is_not_ready_and_has_most_replicas_is_named_with_since_when() -> None:
    def node(status: str) -> dict[str, Any]:
        return {"status": {"conditions": [{"type": "Ready", "status": status, "lastTransitionTime": "2026-03-01T11:58:00Z"}]}}

    nodes = {"n1": node("Unknown"), "n2": node("True"), "n3": node("False")}
    on = [waiting("", name=f"w-{i}", spec={"nodeName": where}) for i, where in enumerate(("n1", "n1", "n2", "n3", "gone"))]
    found = on_a_lost_node(on, nodes.get, "p")
    assert found is not None
    assert found.reason is Reason.NODE_NOT_READY
    assert found.message.startswith(
        "node n1 of pool p is not ready since 2026-03-01 11:58:00 UTC and 2 replicas are on it, 1 more like it: mend it or delete it"
    )
    assert on_a_lost_node(on[2:3], nodes.get, "p") is None
