"""A policy or a quota that refuses what the operator makes: it is asked seldom, told in its words, and what serves is scaled meanwhile."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from statistics import median
from typing import Any

import pytest

from cluster.audit import AuditEvent
from cluster.waiting import wait_until
from fault.meanwhile import first, meanwhile
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


JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "any", "labels": {"app.kubernetes.io/managed-by": "steelyard"}},
    "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "none"}]}}},
}
OURS = "has(object.metadata.labels) && 'app.kubernetes.io/managed-by' in object.metadata.labels"
MANY = 50
LAST = 45
"""Seconds at the end of which the next try is more than so far away: the pause is 51 s at least after a minute and a half."""


@contextmanager
def refused(run: MoveRun, resource: str, one: Manifest, which: str = "true") -> Iterator[None]:
    """Nobody creates one of these in this namespace, once the API server has learnt of the policy. `one`: any that it would refuse.

    `which`: a CEL expression on the object.
    """
    name, (group, version) = f"no-{resource}-{run.tag}", one["apiVersion"].split("/")
    rule = {"apiGroups": [group], "apiVersions": ["*"], "operations": ["CREATE"], "resources": [resource]}
    where = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": run.namespace}}, "resourceRules": [rule]}
    policy = {"failurePolicy": "Fail", "matchConstraints": where, "validations": [{"expression": f"!({which})", "message": WORDS}]}
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


@contextmanager
def used_up(run: MoveRun, resource: str) -> Iterator[None]:
    """A quota of as many of these as there are."""
    there = len(run.listed("steelyard.dev/v1alpha1/compiledmodels"))
    counted = f"count/{resource}"
    run.cluster.kubectl("create", "quota", "small", f"--hard={counted}={there}", "-n", run.namespace)

    def known() -> bool:
        return any(q.get("status", {}).get("used", {}).get(counted) == str(there) for q in run.listed("v1/resourcequotas"))

    wait_until("the quota to be counted", known, seconds=SOON)
    yield


@meanwhile
@pytest.mark.parametrize("by", ["policy", "quota"])
def test_what_serves_is_scaled_up_while_the_artifact_that_the_spec_asks_for_is_refused(a_move, by):
    run = a_move(small=True)
    run.start_operator()
    run.apply(mode="Observe")
    run.until_serving()
    run.until("both compiles", lambda _: run.condition("Compiled").get("status") == "True", SOON)
    words = {"policy": WORDS, "quota": "exceeded quota: small"}[by]
    with refused(run, "compiledmodels", compiled()) if by == "policy" else used_up(run, "compiledmodels.steelyard.dev"):
        run.ask_for(compile={"batchSizes": [1, 8], "sequenceLengths": [32]})
        run.least(2)
        run.apply(mode="Observe")
        run.until("the second replica", lambda _: run.world.ready_pods(run.dear) == 2, SOON)
        run.until("the refusal", lambda _: run.condition("Compiled").get("reason") == "ObjectInvalid", SOON)
        said = run.condition("Compiled")["message"]
        assert "the API server refuses CompiledModel" in said and words in said, said
        assert run.condition("Ready")["status"] == "True"
    assert run.world.lost == 0


def compiles(run: MoveRun) -> dict[str, Manifest]:
    """The condition Ready of each CompiledModel, by name."""
    found = {c["metadata"]["name"]: c.get("status") or {} for c in run.listed("steelyard.dev/v1alpha1/compiledmodels")}
    return {name: next(iter(status.get("conditions", ())), {}) for name, status in found.items()}


def told(run: MoveRun) -> list[Manifest]:
    """The events of a CompiledModel that say why a write of it was refused. One is posted after the status that says the same."""
    return [e for e in run.listed("events.k8s.io/v1/events") if e["regarding"]["kind"] == "CompiledModel" and WORDS in e["note"]]


@meanwhile
def test_a_compile_job_that_is_refused_or_whose_name_is_taken_is_told_with_the_reason_and_tried_seldom(a_move):
    run = a_move(small=True)
    run.start_operator()
    with refused(run, "jobs", JOB, OURS):
        run.apply(mode="Observe")
        run.until("the refusal", lambda _: [c.get("reason") for c in compiles(run).values()] == ["ObjectInvalid"] * 2, SOON)
        assert all("the API server refuses Job" in c["message"] and WORDS in c["message"] for c in compiles(run).values())
        run.until("an event of each", lambda _: {e["regarding"]["name"] for e in told(run)} == compiles(run).keys(), SOON)
        assert {e["type"] for e in told(run)} == {"Warning"}
        taken = next(name for name in compiles(run) if name.startswith("onnxruntime"))
        somebodys = {**JOB, "metadata": {"name": f"{taken}-1"}, "spec": {**JOB["spec"], "suspend": True}}
        path = f"/apis/batch/v1/namespaces/{run.namespace}/jobs"
        status, body = run.cluster.api.request("POST", path, somebodys)
        assert status == 201, body.decode()
        time.sleep(20)
        assert attempts(run, "jobs") <= 12, "of two, 1, 2, 4 ... seconds apart; it was every three seconds"
    run.until("whose it is", lambda _: "belongs to somebody else" in compiles(run)[taken].get("message", ""), SOON)
    assert compiles(run)[taken]["reason"] == "ObjectInvalid"
    run.until("the other one", lambda _: any(c.get("status") == "True" for c in compiles(run).values()), SOON)
    run.cluster.api.delete(f"{path}/{taken}-1?propagationPolicy=Background")
    run.until("both", lambda _: all(c.get("status") == "True" for c in compiles(run).values()), SOON)
    run.until_serving()
    assert run.world.lost == 0


def seconds_to_status(run: MoveRun, looks: int = 9) -> float:
    """From a change of the workload to a status of it, of several the median."""
    took = []
    for look in range(looks):
        run.apply(mode="Observe", cooldownSeconds=3600 + look)
        began = time.monotonic()
        path = f"/apis/steelyard.dev/v1alpha1/namespaces/{run.namespace}/inferenceworkloads/model"

        def told(path: str = path) -> bool:
            seen: Any = run.cluster.api.get(path)
            return bool(seen["status"].get("observedGeneration") == seen["metadata"]["generation"])

        wait_until("the status", told, seconds=SOON, every=0.01)
        took.append(time.monotonic() - began)
    return median(took)


def whose(event: AuditEvent) -> str:
    """The workload that a write is for."""
    labels = ((event.request or {}).get("metadata") or {}).get("labels") or {}
    return str(labels.get("steelyard.dev/workload", event.name))


def tries(run: MoveRun, name: str) -> list[datetime]:
    """When a Deployment of this workload was to be created."""
    return [e.time for e in run.writes() if (e.verb, e.resource) == ("create", "deployments") and whose(e) == name]


@first
@meanwhile
def test_fifty_workloads_that_a_policy_refuses_cost_a_write_a_minute_each_and_no_other_workload_waits_for_them(a_move):
    run = a_move(small=True)
    operator = run.start_operator()
    run.apply(mode="Observe")
    run.until_serving()
    alone = seconds_to_status(run)
    denied = [f"denied-{n}" for n in range(MANY)]
    path = f"/apis/steelyard.dev/v1alpha1/namespaces/{run.namespace}/inferenceworkloads"
    example = {**DEPLOYMENT, "metadata": {"name": "denied-x"}}
    with refused(run, "deployments", example, "object.metadata.name.startsWith('denied-')"):
        spec = run.workload()["spec"]
        for name in denied:
            one = {"apiVersion": "steelyard.dev/v1alpha1", "kind": "InferenceWorkload", "metadata": {"name": name}, "spec": spec}
            status, body = run.cluster.api.request("POST", path, one)
            assert status == 201, body.decode()

        def told() -> list[Manifest]:
            found = [w.get("status", {}).get("conditions", ()) for w in run.world.workloads.values()]
            return [c for conditions in found for c in conditions if c["type"] == "Placed" and c["reason"] == "ObjectInvalid"]

        run.until("all refusals", lambda _: len(told()) == MANY, SOON)
        assert all(WORDS in c["message"] for c in told())
        time.sleep(100)
        began = datetime.now(UTC)
        time.sleep(LAST)
        lately = [e for e in run.writes() if e.time >= began]
        beside = seconds_to_status(run)
    assert beside <= 10 * alone, "it waited for their tries, a hundred a second, and for its turn to write"
    for name in denied:
        gaps = [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(tries(run, name))]
        assert len(gaps) >= 5 and all(gap >= 0.8 * 2**n for n, gap in enumerate(gaps)), gaps
        assert sum(whose(e) == name for e in lately) <= 1, [(e.verb, e.resource) for e in lately if whose(e) == name]
    assert operator.running and run.world.lost == 0
