"""What is wrong in the first hour is told at once, by name and with what to do; an ordinary start has nothing to tell."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest

from cluster.waiting import wait_until
from fault.meanwhile import meanwhile
from fault.move_run import CHEAP, SOON, WORKLOAD, MoveRun
from steelyard.cli.connection import Connection
from steelyard.cli.gather import gather
from steelyard.cli.view.explain import ExplainView, explain

pytestmark = pytest.mark.apiserver

SECRET = "artifact-store"


def explained(run: MoveRun) -> ExplainView:
    """What `steelyard explain` shows."""
    kubeconfig = run.cluster.kubeconfig_for(run.user, "system:masters")
    return explain(gather(Connection.open(str(kubeconfig), None), run.namespace, WORKLOAD))


def warnings(run: MoveRun) -> list[tuple[str, str, str]]:
    """(kind, reason, note) of our warnings."""
    ours = [e for e in run.listed("events.k8s.io/v1/events") if e.get("reportingController") == "steelyard.dev"]
    return [(e["regarding"]["kind"], e["reason"], e["note"]) for e in ours if e["type"] == "Warning"]


def option(status: dict[str, Any], pool: str) -> dict[str, Any]:
    """A pool as it was weighed; empty where it was not."""
    options = (status.get("lastDecision") or {}).get("options", ())
    return next((o for o in options if o["pool"] == pool), {})


@meanwhile
def test_a_secret_that_is_missing_is_the_first_line_and_the_command_in_it_mends_it(a_move):
    run = a_move(small=True, settings={"store": {"uri": "s3://artifacts", "secretName": SECRET, "readSecretName": SECRET}})
    run.start_operator()
    run.apply(mode="Observe")
    run.until("the Secret to be missed", lambda _: run.condition("Ready").get("reason") == "SecretMissing", SOON)
    assert run.condition("Compiled")["reason"] == "SecretMissing"
    wrong = explained(run).wrong
    assert wrong is not None
    assert wrong.sentence.startswith(f"{WORKLOAD} is not ready: ")
    for word in (f"Secret {SECRET}", f"namespace {run.namespace}"):
        assert word in wrong.sentence
    wait_until("both compiles' events and the workload's", lambda: len(warnings(run)) == 3, seconds=SOON)
    assert {(kind, reason) for kind, reason, _ in warnings(run)} == {
        ("CompiledModel", "SecretMissing"),
        ("InferenceWorkload", "SecretMissing"),
    }
    command = re.search(r"`(kubectl create secret [^`]+)`", wrong.message)
    assert command is not None
    run.cluster.kubectl(*shlex.split(command[1])[1:])
    # On the pool whose compile is tried again first.
    run.until("it to serve", lambda _: run.condition("Ready").get("status") == "True", SOON)
    run.until("nothing to be wrong", lambda _: explained(run).wrong is None, SOON)
    assert len(warnings(run)) == 3, "each was told once"


@meanwhile
def test_an_ordinary_start_warns_of_nothing(a_move):
    run = a_move(small=True)
    run.start_operator()
    run.apply(mode="Observe")
    run.until_serving()
    run.until("the first readings", lambda _: run.condition("Observed").get("status") == "True", SOON)
    run.until("both compiles", lambda _: run.condition("Compiled").get("status") == "True", SOON)
    told = [e["reason"] for e in run.listed("events.k8s.io/v1/events") if e.get("reportingController") == "steelyard.dev"]
    assert "Placing" in told
    assert warnings(run) == []


@meanwhile
def test_a_node_that_is_lost_is_named_with_the_replicas_on_it(a_move):
    run = a_move(small=True)
    run.start_operator()
    run.apply(mode="Observe")
    run.until_serving()
    node = f"node-{run.dear}"
    run.play.silent.add(node)
    run.until("the node", lambda _: run.condition("Placed").get("reason") == "NodeNotReady", SOON)
    wrong = explained(run).wrong
    assert wrong is not None
    assert re.search(f"node {node} of pool {run.dear} is not ready since .* UTC and a replica is on it", wrong.sentence)


@meanwhile
def test_pools_that_share_nodes_or_have_other_processors_are_refused_with_the_reason_and_nothing_is_compiled_for_them(a_move):
    run = a_move(small=True)
    twin, arm = f"twin-{run.tag}", f"arm-{run.tag}"
    run.pool(twin, "onnxruntime", "0.01", [], selector={"steelyard.dev/pool": run.dear})
    run.pool(arm, "onnxruntime", CHEAP, [], selector={"kubernetes.io/arch": "arm64"})
    try:
        run.start_operator()
        run.apply(mode="Observe")
        run.until_serving()
        run.until("the twin", lambda s: option(s, twin).get("reason") == "Overlapping", SOON)
        assert f"shares node node-{run.dear} with pool {run.dear}, where the workload runs" in option(run.status(), twin)["message"]
        assert option(run.status(), arm)["reason"] == "UnsupportedTarget"
        assert "add config.toolchains.onnxruntime@arm64" in option(run.status(), arm)["message"]
        targets = {c["spec"]["target"] for c in run.listed("steelyard.dev/v1alpha1/compiledmodels")}
        assert targets == {"cpu/x86-64"}

        def overlapping(pool: str) -> dict[str, Any]:
            found = run.cluster.api.get(f"/apis/steelyard.dev/v1alpha1/acceleratorpools/{pool}") or {}
            return next((c for c in found.get("status", {}).get("conditions", ()) if c["type"] == "Overlapping"), {})

        for pool, other in ((run.dear, twin), (twin, run.dear)):
            wait_until(f"pool {pool}", lambda pool=pool: overlapping(pool).get("status") == "True", seconds=SOON)
            assert f"shares node node-{run.dear} with pool {other}" in overlapping(pool)["message"]
        assert overlapping(run.cheap)["status"] == "False"
    finally:
        for pool in (twin, arm):
            run.cluster.api.delete(f"/apis/steelyard.dev/v1alpha1/acceleratorpools/{pool}")
