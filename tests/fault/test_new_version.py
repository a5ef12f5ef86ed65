"""A new version of the operator, with other images and other ways to render, restarts no pod."""

from __future__ import annotations

import signal
import time

import pytest

from fault.meanwhile import meanwhile
from fault.move_run import SOON
from stub.operator_process import TOOLCHAIN

pytestmark = pytest.mark.apiserver

NEW_IMAGE = "stub:next"


def newer_toolchains() -> dict[str, object]:
    """The same compilers; another image serves what they made."""
    image = {**TOOLCHAIN, "serveImage": NEW_IMAGE}
    return {"openvino": {**image, "versions": {"openvino": "2026.4.1"}}, "onnxruntime": {**image, "versions": {"onnxruntime": "1.32.0"}}}


@meanwhile
def test_a_new_operator_version_touches_no_deployment_and_no_pod(a_move):
    run = a_move(small=True)
    old = run.start_operator()
    run.apply(mode="Observe")
    run.until_serving()
    run.until("a measured placement", lambda s: any(p.get("unitCost") for p in s.get("placements", ())), SOON)
    deployments = [(d["metadata"]["uid"], d["spec"]["template"]) for d in run.listed("apps/v1/deployments")]
    pods = {p["metadata"]["uid"] for p in run.listed("v1/pods")}
    old.signal(signal.SIGTERM)
    assert old.process is not None
    assert old.process.wait(SOON) == 0
    run.audit.mark()
    # Everything that a release may render otherwise: images, pull policy, the age of connections.
    run.start_operator(toolchains=newer_toolchains(), imagePullPolicy="Always", connectionMaxAgeSeconds=99)
    run.until("the new version to lead", lambda _: any(line.get("message") == "elected" for line in run.operators[-1].lines()), SOON)
    time.sleep(20)
    assert [(d["metadata"]["uid"], d["spec"]["template"]) for d in run.listed("apps/v1/deployments")] == deployments
    assert {p["metadata"]["uid"] for p in run.listed("v1/pods")} == pods
    touched = [e for e in run.audit.writes() if e.namespace == run.namespace and e.resource.split("/")[0] in {"deployments", "replicasets"}]
    assert not [e for e in touched if e.resource in {"deployments", "deployments/scale"}], touched
    assert not [e for e in run.audit.writes() if e.namespace == run.namespace and e.resource == "pods" and e.verb in {"create", "delete"}]
    # A placement that is made from now on gets the new image.
    run.apply(mode="Auto")
    run.until_moved()
    images = {
        d["metadata"]["name"].split("-")[1]: d["spec"]["template"]["spec"]["containers"][0]["image"]
        for d in run.listed("apps/v1/deployments")
    }
    assert images == {"cheap": NEW_IMAGE}
    assert run.world.lost == 0
