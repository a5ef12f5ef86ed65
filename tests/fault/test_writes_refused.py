"""A policy that refuses what the operator makes: it is asked seldom, told in its words, and what serves is scaled meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cluster.waiting import wait_until
from fault.meanwhile import meanwhile
from fault.move_run import SOON, Manifest, MoveRun
from unit.api.objects import compiled

pytestmark = pytest.mark.apiserver

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
WORDS = "not without a ticket"
LONG = 60
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "any"},
    "spec": {
        "selector": {"matchLabels": {"app": "any"}},
        "template": {"metadata": {"labels": {"app": "any"}}, "spec": {"containers": [{"name": "c", "image": "none"}]}},
    },
}


@contextmanager
def refused(run: MoveRun, resource: str, one: Manifest) -> Iterator[None]:
    """Nobody creates one of these in this namespace, once the API server has learnt of the policy. `one`: any that it would take."""
    name, (group, version) = f"no-{resource}-{run.tag}", one["apiVersion"].split("/")
    rule = {"apiGroups": [group], "apiVersions": ["*"], "operations": ["CREATE"], "resources": [resource]}
    where = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": run.namespace}}, "resourceRules": [rule]}
    policy = {"failurePolicy": "Fail", "matchConstraints": where, "validations": [{"expression": "false", "message": WORDS}]}
    binding = {"policyName": name, "validationActions": ["Deny"]}
    for plural, made, spec in (
        ("validatingadmissionpolicies", "ValidatingAdmissionPolicy", policy),
        ("validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", binding),
    ):
        manifest = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": made, "metadata": {"name": name}, "spec": spec}
        status, body = run.cluster.api.request("POST", f"{ADMISSION}/{plural}", manifest)
        assert status == 201, body.decode()
    path = f"/apis/{group}/{version}/namespaces/{run.namespace}/{resource}?dryRun=All"
    wait_until("the policy to be known", lambda: WORDS in run.cluster.api.request("POST", path, one)[1].decode(), seconds=SOON)
    try:
        yield
    finally:
        for plural in ("validatingadmissionpolicybindings", "validatingadmissionpolicies"):
            run.cluster.api.delete(f"{ADMISSION}/{plural}/{name}")


def attempts(run: MoveRun, resource: str) -> int:
    return sum(1 for e in run.writes() if (e.verb, e.resource) == ("create", resource) and e.code >= 400)


@meanwhile
def test_a_deployment_that_a_policy_refuses_is_told_in_its_words_and_tried_seldom_until_it_is_allowed(a_move):
    run = a_move(small=True)
    run.start_operator()
    with refused(run, "deployments", DEPLOYMENT):
        run.apply(mode="Observe")
        run.until("the refusal", lambda _: run.condition("Ready").get("reason") == "ObjectInvalid", SOON)
        for kind in ("Ready", "Placed"):
            said = run.condition(kind)["message"]
            assert "the API server refuses Deployment model-" in said and WORDS in said, said
        time.sleep(LONG)
        assert attempts(run, "deployments") <= 8, f"1, 2, 4 ... seconds apart, {LONG} s long; it was every half second"
        made = {e.resource for e in run.writes() if e.verb == "create" and e.code < 300}
        assert {"services", "poddisruptionbudgets", "compiledmodels", "jobs"} <= made, "nothing else waits for it"
        (operator,) = run.operators
        lines = [line for line in operator.lines() if line.get("message") == "a write was refused"]
        assert len(lines) <= 8
    run.until_serving()
    run.until("the end of the refusal", lambda _: run.condition("Placed").get("status") == "True", SOON)
    assert run.world.lost == 0


@meanwhile
def test_what_serves_is_scaled_up_while_a_policy_refuses_the_artifact_that_the_spec_asks_for(a_move):
    run = a_move(small=True)
    run.start_operator()
    run.apply(mode="Observe")
    run.until_serving()
    with refused(run, "compiledmodels", compiled()):
        run.ask_for(compile={"batchSizes": [1, 8], "sequenceLengths": [32]})
        run.least(2)
        run.apply(mode="Observe")
        run.until("the second replica", lambda _: run.world.ready_pods(run.dear) == 2, SOON)
        run.until("the refusal", lambda _: run.condition("Compiled").get("reason") == "ObjectInvalid", SOON)
        said = run.condition("Compiled")["message"]
        assert "the API server refuses CompiledModel" in said and WORDS in said, said
        assert run.condition("Ready")["status"] == "True"
    assert run.world.lost == 0
