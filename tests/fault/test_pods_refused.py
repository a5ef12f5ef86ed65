"""Pods that the API server refuses, such as for a quota that is used up: condition and events quote it, and what serves goes on serving."""

from __future__ import annotations

import pytest

from cluster.waiting import wait_until
from fault.meanwhile import meanwhile
from fault.move_run import DEAR, SOON, MoveRun

pytestmark = pytest.mark.apiserver


def forbid_more_pods(run: MoveRun) -> None:
    """A quota of as many pods as there are."""
    there = [p for p in run.listed("v1/pods") if p["status"].get("phase") not in {"Succeeded", "Failed"}]
    run.cluster.kubectl("create", "quota", "small", f"--hard=pods={len(there)}", "-n", run.namespace)

    def counted() -> bool:
        return any(q.get("status", {}).get("used", {}).get("pods") == str(len(there)) for q in run.listed("v1/resourcequotas"))

    wait_until("the quota to be counted", counted, seconds=SOON)


def serving(a_move, **how) -> MoveRun:
    run = a_move(small=True, **how)
    run.start_operator()
    run.apply(mode="Observe")
    run.until_serving()
    run.until("both compiles", lambda _: run.condition("Compiled").get("status") == "True", SOON)
    return run


@meanwhile
def test_replicas_that_a_quota_refuses_are_told_with_its_words_until_it_is_raised(a_move):
    run = serving(a_move)
    forbid_more_pods(run)
    run.least(2)
    run.apply(mode="Observe")
    run.until("the refusal", lambda _: run.condition("Placed").get("reason") == "Unplaced", SOON)
    placed = run.condition("Placed")
    assert placed["status"] == "False" and "exceeded quota: small, requested: pods=1, limited: pods=" in placed["message"], placed
    assert run.condition("Ready")["status"] == "True", "what is there serves"
    run.cluster.kubectl("delete", "quota", "small", "-n", run.namespace)
    run.until("the second replica", lambda _: run.condition("Placed").get("status") == "True")
    assert run.world.ready_pods(run.dear) == 2
    assert run.world.lost == 0


@meanwhile
def test_pods_that_the_pod_security_of_the_namespace_refuses_are_told_with_its_words_until_they_are_allowed(a_move):
    run = a_move(small=True, settings={"cache": {"hostPath": "/var/lib/artifacts"}})
    enforce = "pod-security.kubernetes.io/enforce"
    run.cluster.kubectl("label", "namespace", run.namespace, f"{enforce}=restricted")
    run.start_operator()
    run.apply(mode="Observe")
    run.until("the refusal", lambda _: "violates PodSecurity" in run.condition("Placed").get("message", ""), SOON)
    assert (run.condition("Placed")["reason"], run.condition("Ready")["status"]) == ("Unplaced", "False")
    assert "hostPath" in run.condition("Placed")["message"]
    run.cluster.kubectl("label", "namespace", run.namespace, f"{enforce}-")
    run.until_serving()
    run.until("the end of the refusal", lambda _: run.condition("Placed").get("status") == "True", SOON)
    assert run.world.lost == 0


@meanwhile
def test_serving_and_compile_pods_keep_the_pod_security_standard_restricted(a_move):
    run = a_move(small=True)
    run.cluster.kubectl("label", "namespace", run.namespace, "pod-security.kubernetes.io/enforce=restricted")
    run.start_operator()
    run.apply(mode="Observe")
    run.until_serving()
    roles = {p["metadata"]["labels"].get("steelyard.dev/role") for p in run.listed("v1/pods")}
    assert roles == {"serving", "compile"}


@meanwhile
def test_a_move_whose_pods_a_quota_refuses_ends_at_its_deadline_and_says_why(a_move):
    run = serving(a_move, rebalancing={"exploration": {"budget": "5.00", "deadlineSeconds": 30}})
    forbid_more_pods(run)
    run.apply()
    run.until("the end of the move", lambda s: s.get("history") and not s.get("move"))
    assert [(h["outcome"], h["reason"]) for h in run.status()["history"]] == [("RolledBack", "TargetNotReady")]
    assert run.holds() == run.dear

    def told() -> list[str]:
        return [e["note"] for e in run.listed("events.k8s.io/v1/events") if e["reason"] == "TargetNotReady" and "quota: small" in e["note"]]

    wait_until("the event", told, seconds=SOON)
    assert run.world.ready_pods(run.dear) == 1
    assert run.world.lost == 0


@meanwhile
def test_a_runtime_class_that_is_not_there_is_named_and_pods_come_once_it_is(a_move):
    run = a_move(small=True)
    run.reprice(run.dear, DEAR, runtimeClassName=f"nvidia-{run.tag}")
    run.start_operator()
    run.apply(mode="Observe")
    run.until("the refusal", lambda _: run.condition("Placed").get("reason") == "Unplaced", SOON)
    assert f'RuntimeClass "nvidia-{run.tag}" not found' in run.condition("Placed")["message"]
    assert run.condition("Ready")["reason"] == "Unplaced"
    made = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": f"nvidia-{run.tag}"}, "handler": "runc"}
    assert run.cluster.api.request("POST", "/apis/node.k8s.io/v1/runtimeclasses", made)[0] == 201
    try:
        run.until("replicas", lambda _: run.condition("Placed").get("status") == "True")
        pods = [p for p in run.listed("v1/pods") if p["metadata"]["labels"].get("steelyard.dev/role") == "serving"]
        assert {p["spec"]["runtimeClassName"] for p in pods} == {f"nvidia-{run.tag}"}
    finally:
        run.cluster.api.delete(f"/apis/node.k8s.io/v1/runtimeclasses/nvidia-{run.tag}")
