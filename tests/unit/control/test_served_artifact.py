"""What a pod is told to load, and its last word where it did not get it; only that opens a compile again."""

import json
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from steelyard.control.gather.served_artifact import refused_artifact, served_artifact
from steelyard.control.gather.workload_facts import placement_of
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.snapshot import Settings
from steelyard.render import name
from steelyard.render.compiled_model import compiled_model
from steelyard.render.deployment import deployment
from unit.control.test_placement_facts import DEPLOYMENT
from unit.core.world import Ground, World

URI = "s3://artifacts/ns-uid/" + "0a" * 32 + "/manifest.json"
DIGEST = "sha256:" + "1" * 64
CORRUPT = {"result": "Failed", "class": "Infrastructure", "reason": "ArtifactCorrupt", "message": "model.bin: one byte is wrong"}


def ended(said: object, code: int = 3) -> dict[str, Any]:
    times = {"startedAt": "2026-03-01T00:00:01Z", "finishedAt": "2026-03-01T00:00:02Z"}
    return {"exitCode": code, "message": said if isinstance(said, str) else json.dumps(said), **times}


def pod(said: object = CORRUPT, *, ready: bool = False, role: str = "serving") -> dict[str, Any]:
    told = {"artifact": {"uri": URI, "digest": DIGEST}, "backend": "openvino"}
    return {
        "metadata": {"name": "p-1", "labels": {"steelyard.dev/role": role}},
        "spec": {"containers": [{"name": "server", "env": [{"name": "STEELYARD_SERVE_SPEC", "value": json.dumps(told)}]}]},
        "status": {
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [
                {"restartCount": 1, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": ended(said)}}
            ],
        },
    }


@pytest.mark.parametrize("reason", ["ArtifactCorrupt", "ArtifactNotFound", "SignatureRefused"])
def test_a_pod_says_which_artifact_it_would_not_load_and_since_when(reason: str) -> None:
    found = refused_artifact(pod({**CORRUPT, "reason": reason}))
    assert found is not None
    loads, refusal = found
    assert (loads.key, loads.backend) == ("0a" * 32, "openvino")
    assert (refusal.uri, refusal.digest, refusal.pod, refusal.reason) == (URI, DIGEST, "p-1", reason)
    assert refusal.started.isoformat() == "2026-03-01T00:00:01+00:00", "it read the store after that, however long it took to end"


def test_the_newest_end_counts_and_not_the_one_before() -> None:
    newer = pod()
    state = newer["status"]["containerStatuses"][0]
    state["state"] = {"terminated": ended({**CORRUPT, "reason": "StoreUnavailable"}, code=1)}
    assert refused_artifact(newer) is None


def test_a_pod_that_serves_has_got_it_whatever_it_said_before() -> None:
    assert refused_artifact(pod(ready=True)) is None
    placement = placement_of(DEPLOYMENT, [pod(ready=True), pod()], None)
    assert (placement.ready, placement.crashing) == (1, 1)


def leaving(told: dict[str, Any]) -> None:
    told["metadata"]["deletionTimestamp"] = "2026-03-01T00:00:00Z"


def no_time(told: dict[str, Any]) -> None:
    del told["status"]["containerStatuses"][0]["lastState"]["terminated"]["startedAt"]


def no_spec(told: dict[str, Any]) -> None:
    told["spec"]["containers"][0]["env"] = []


def nonsense(told: dict[str, Any]) -> None:
    told["spec"]["containers"][0]["env"][0]["value"] = "[" * 5000


@pytest.mark.parametrize("change", [leaving, no_time, no_spec, nonsense])
def test_what_is_not_known_opens_nothing(change: Any) -> None:
    told = deepcopy(pod())
    change(told)
    assert refused_artifact(told) is None


@pytest.mark.parametrize(
    "said", ["", "Segmentation fault", "[" * 4096, "[]", {"reason": "OutOfMemory"}, {**CORRUPT, "reason": ["ArtifactCorrupt"]}]
)
def test_another_last_word_opens_nothing(said: object) -> None:
    assert refused_artifact(pod(said)) is None


def test_a_pod_that_does_not_serve_is_not_asked() -> None:
    assert refused_artifact(pod(role="trial")) is None


def test_what_is_rendered_is_read_back_and_leads_to_its_compiled_model() -> None:
    world = World({"a": Ground()})
    decision = world.tick()
    (intent,) = decision.intent.create
    (compiled,) = decision.intent.compile
    real = replace(intent, artifact_uri=f"s3://artifacts/ns-uid/{compiled.inputs.key}/manifest.json")
    made = deployment(WorkloadKey("ns", "w"), "uid", real, Settings(toolchains={}, store_uri="s3://artifacts"))
    read = served_artifact(made["spec"]["template"]["spec"])
    assert read is not None
    assert (read.uri, read.digest) == (real.artifact_uri, real.artifact_digest)
    assert name.compiled_model(read.backend, read.key) == compiled_model(WorkloadKey("ns", "w"), "uid", compiled)["metadata"]["name"]
