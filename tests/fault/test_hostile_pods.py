"""Pods that anybody in a namespace may make: they end no operator, and the workload beside them is placed and sized as ever."""

from __future__ import annotations

import time

import pytest

from fault.meanwhile import meanwhile
from fault.move_run import SOON, WORKLOAD, Manifest, MoveRun

pytestmark = pytest.mark.apiserver

MEMORY = {"exbibyte": "1Ei", "exa": "1E", "exponent": "10e399", "thousands": "1e3"}


def hostile(name: str, memory: str, **labels: str) -> Manifest:
    """A pod that nobody can schedule, with the labels of a serving one."""
    mine = {
        "app.kubernetes.io/managed-by": "steelyard",
        "steelyard.dev/role": "serving",
        "steelyard.dev/workload": "x",
        "steelyard.dev/pool": "y",
        **labels,
    }
    container = {"name": "c", "image": "none", "resources": {"requests": {"memory": memory, "cpu": "1k"}}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": mine}, "spec": {"containers": [container]}}


def put(run: MoveRun, pod: Manifest) -> None:
    status, body = run.cluster.api.request("POST", f"/api/v1/namespaces/{run.namespace}/pods", pod)
    assert status == 201, body.decode()


@meanwhile
def test_no_pod_of_a_tenant_ends_the_operator_and_the_workload_beside_it_is_placed_and_sized(a_move):
    run = a_move(small=True)
    for name, memory in MEMORY.items():
        put(run, hostile(name, memory))
    operator = run.start_operator()
    run.apply(mode="Observe")
    run.until_serving()
    (deployment,) = run.listed("apps/v1/deployments")
    labels = {key: value for key, value in deployment["spec"]["template"]["metadata"]["labels"].items() if key.startswith("steelyard.dev/")}
    assert labels["steelyard.dev/workload"] == WORKLOAD
    put(run, hostile("in-disguise", "1Ei", **labels))
    time.sleep(10)  # two rounds of observation and more
    run.least(2)
    run.apply(mode="Observe")
    run.until("the second replica", lambda s: [p["readyReplicas"] for p in s.get("placements", ())] == [2], SOON)
    run.until("its figures", lambda _: run.condition("Observed").get("status") == "True", SOON)
    assert operator.running, "no restart was needed"
    assert len(run.operators) == 1
    assert run.world.lost == 0
