"""The Job of a probe on a real node: the server of a placement as its Deployment has it, asked by what stands beside it, and by nobody else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from e2e.tenant import WORKLOAD, Tenant
from steelyard.app.config import Config
from steelyard.app.wiring import settings_of
from steelyard.control.gather.probe_job import probe_of
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.probe import Lengths, Probe, ProbeState, Ramp
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import LatencyObjective
from steelyard.core.placing.intent import PlacementIntent, ProbeIntent
from steelyard.render.deployment import SERVE_SPEC
from steelyard.render.probe_job import probe_job
from stub.operator_process import config

pytestmark = pytest.mark.nodes

WARMING = 5
"""Requests of the generator that count for nothing."""
RAMP = Ramp(first=2.0, most=4.0, step_seconds=10, halvings=1, lengths=Lengths(input=((16.0, 1), (32.0, 5), (float("inf"), 5))))


@pytest.fixture(scope="module")
def alone(a_tenant: Callable[[], Tenant]) -> Iterator[Tenant]:
    """One replica serves, and its operator has ended: who stands in for it asks for a probe, which it would not."""
    with a_tenant() as tenant:
        tenant.ground.give_artifacts(tenant.namespace)
        tenant.pool("only", "pool-b", "openvino", "0.20")
        tenant.start_operator()
        tenant.apply(replicas=1, most=1, mode="Observe")
        tenant.until_serving()
        tenant.end_operator()
        yield tenant


def placement_of(deployment: dict[str, Any]) -> PlacementIntent:
    """What the Deployment was made from."""
    pod = deployment["spec"]["template"]["spec"]
    (server,) = pod["containers"]
    told = json.loads(next(each["value"] for each in server["env"] if each["name"] == SERVE_SPEC))
    labels = deployment["metadata"]["labels"]
    return PlacementIntent(
        key=PlacementKey(labels["steelyard.dev/pool"], labels["steelyard.dev/revision"]),
        asked="",
        replicas=1,
        backend=told["backend"],
        image=server["image"],
        artifact_uri=told["artifact"]["uri"],
        artifact_digest=told["artifact"]["digest"],
        model_name=told["model"],
        task="feature-extraction",
        latency=tuple(
            LatencyObjective(metric=o["metric"], milliseconds=o["milliseconds"], percent=float(o["percent"]))
            for o in told["objective"]["latency"]
        ),
        batch_sizes=(1, 4, 8),
        resources=Resources(0.25, 0.75),
        resource_name=None,
        family="cpu",
        node_selector=pod["nodeSelector"],
        tolerations=(),
        scheduler=None,
    )


def test_a_probe_measures_a_server_that_serves_nobody_and_ends_with_it(alone: Tenant) -> None:
    (deployment,) = alone.listed("apis/apps/v1", "deployments")
    settings = settings_of(
        Config.model_validate(config(alone.namespace, toolchains=alone.ground.toolchains(), store=alone.ground.s3_store()))
    )
    key, uid = WorkloadKey(alone.namespace, WORKLOAD), alone.workload()["metadata"]["uid"]
    intent = ProbeIntent(move="by-hand", placement=placement_of(deployment), ramp=RAMP, seconds=600)
    status, body = alone.cluster.api.request(
        "POST", f"/apis/batch/v1/namespaces/{alone.namespace}/jobs", probe_job(key, uid, intent, settings)
    )
    assert status == 201, body.decode()
    in_services: set[str] = set()

    def pod() -> dict[str, Any] | None:
        found = alone.listed("api/v1", "pods")
        return next((p for p in found if p["metadata"]["labels"].get("steelyard.dev/role") == "probe"), None)

    def told() -> Probe | None:
        for each in alone.listed("apis/discovery.k8s.io/v1", "endpointslices"):
            in_services.update((end.get("targetRef") or {}).get("name", "") for end in each.get("endpoints") or ())
        (job,) = [j for j in alone.listed("apis/batch/v1", "jobs") if j["metadata"]["labels"].get("steelyard.dev/role") == "probe"]
        found = probe_of(job, pod(), key, {}, datetime.now(UTC))
        assert found is not None and found.state is not ProbeState.FAILED, found
        return found if found.state is ProbeState.DONE else None

    found = alone.until("the result of the probe", told, 400)
    assert found.steps and found.steps[0].rate == 2.0 and found.ready_seconds > 0
    assert sum(step.error + step.shed for step in found.steps) == 0
    assert all(step.p99_milliseconds for step in found.steps if step.good)

    def server() -> dict[str, Any] | None:
        made = pod()
        assert made is not None
        (status,) = made["status"]["initContainerStatuses"]
        return (status.get("state") or {}).get("terminated")

    ended = alone.until("the end of its server", server, 90)
    counted = json.loads(ended["message"])["final"]["requests"]
    assert ended["exitCode"] == 0, "it was told to stop, and drained"
    assert sum(counted.values()) == sum(step.offered for step in found.steps) + WARMING
    made = pod()
    assert made is not None and made["metadata"]["name"] not in in_services and in_services
