"""What people and other controllers do to a workload and its children while the operator looks on."""

from __future__ import annotations

import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from cluster.cluster import Cluster
from cluster.waiting import wait_until
from fault.meanwhile import meanwhile
from fault.move_run import SOON, MoveRun, pool_of
from patience import PATIENCE
from stub.operator_process import OperatorProcess, config

pytestmark = pytest.mark.apiserver


def deployment_of(run: MoveRun, pool: str):
    """The Deployment on a pool."""
    return next((d for d in run.listed("apps/v1/deployments") if d["metadata"]["name"].startswith(f"model-{pool}-")), None)


@meanwhile
def test_a_namespace_that_is_deleted_during_a_move_goes_and_the_operator_stays(a_move):
    run = a_move(small=True)
    operator = run.start_operator()
    run.apply()
    run.until_step("Shift")
    run.cluster.api.delete(f"/api/v1/namespaces/{run.namespace}")
    wait_until("the namespace to be gone", lambda: run.cluster.api.get(f"/api/v1/namespaces/{run.namespace}") is None, seconds=SOON)
    time.sleep(5)
    # Its Lease went with the namespace: the operator may end for that, with its own exit code, but it does not crash.
    assert operator.running or operator.process.returncode in {0, 1}  # type: ignore[union-attr]
    assert not [line for line in operator.lines() if "Traceback" in str(line.get("message", "")) + str(line.get("exception", ""))]


@meanwhile
def test_a_workload_that_is_made_anew_under_its_name_during_a_move_starts_from_nothing(a_move):
    run = a_move(small=True)
    run.start_operator()
    run.apply()
    run.until_step("Shift")
    before = {d["metadata"]["uid"] for d in run.listed("apps/v1/deployments")}
    run.delete()
    run.apply()
    run.until("a new placement", pool_of, SOON)
    wait_until(
        "the old Deployments to be gone",
        lambda: not before & {d["metadata"]["uid"] for d in run.listed("apps/v1/deployments")},
        seconds=SOON,
    )
    run.until_moved()
    uid = run.workload()["metadata"]["uid"]
    owners = {o["uid"] for d in run.listed("apps/v1/deployments") for o in d["metadata"]["ownerReferences"]}
    assert owners == {uid}


@meanwhile
def test_a_workload_that_is_deleted_while_no_operator_runs_takes_along_all_that_was_made_for_it(a_move):
    run = a_move(small=True)
    operator = run.start_operator()
    run.apply(mode="Observe")
    run.until_serving()
    operator.kill()
    run.delete()
    made = (
        "apps/v1/deployments",
        "v1/services",
        "policy/v1/poddisruptionbudgets",
        "steelyard.dev/v1alpha1/compiledmodels",
        "batch/v1/jobs",
    )
    wait_until("all to be gone", lambda: not any(run.listed(path) for path in made), seconds=SOON)
    run.free_lease()
    again = run.start_operator()
    wait_until("the operator to lead", lambda: any(line.get("message") == "elected" for line in again.lines()), seconds=SOON)
    run.apply(mode="Observe")
    run.until_serving()


@meanwhile
def test_a_deployment_that_is_deleted_by_hand_comes_back(a_move):
    run = a_move(small=True)
    run.start_operator()
    run.apply(mode="Observe")
    run.until_serving()
    name = deployment_of(run, run.dear)["metadata"]["name"]
    run.cluster.kubectl("delete", "deployment", name, "-n", run.namespace)
    wait_until("the Deployment to be back", lambda: deployment_of(run, run.dear), seconds=SOON)
    run.until("it to serve", lambda _: run.world.ready_pods(run.dear) == run.replicas, SOON)
    time.sleep(5)
    assert run.deeds()["create", "deployments"] == 2
    assert run.holds() == run.dear


@meanwhile
def test_a_target_that_is_deleted_by_hand_during_the_shift_costs_no_request(a_move):
    run = a_move(small=True)
    run.start_operator()
    run.apply()
    run.until_step("Shift")
    run.cluster.kubectl("delete", "deployment", deployment_of(run, run.cheap)["metadata"]["name"], "-n", run.namespace)
    run.until_moved()
    assert run.world.lost == 0


@meanwhile
def test_replicas_that_somebody_else_writes_are_left_alone(a_move):
    run = a_move(small=True)
    run.start_operator()
    run.apply()
    run.until_serving()
    name = deployment_of(run, run.dear)["metadata"]["name"]
    run.cluster.kubectl("scale", "deployment", name, "--replicas=4", "-n", run.namespace)
    run.until("the hold", lambda _: run.condition("Held").get("reason") == "ReplicasOwnedElsewhere", SOON)
    run.audit.mark()
    time.sleep(20)
    assert deployment_of(run, run.dear)["spec"]["replicas"] == 4
    assert not [e for e in run.writes() if e.resource in {"deployments", "deployments/scale"}], "no fight"
    assert not run.status().get("move")
    assert "kubectl" in run.condition("Held")["message"]


@meanwhile
def test_an_autoscaler_that_owns_the_replicas_keeps_them_and_is_named(a_move):
    run = a_move(small=True)
    run.start_operator()
    run.apply(mode="Observe")
    run.until_serving()
    called = deployment_of(run, run.dear)["metadata"]["name"]
    run.cluster.kubectl("autoscale", "deployment", called, "--min=3", "--max=4", "--cpu=50%", "-n", run.namespace)
    run.until("its replicas", lambda _: run.world.ready_pods(run.dear) == 3, SOON)
    run.audit.mark()
    run.least(2)
    run.apply(mode="Observe")
    run.until(
        "the owner to be told",
        lambda _: [e for e in run.listed("events.k8s.io/v1/events") if e["reason"] == "ReplicasOwnedElsewhere"],
        SOON,
    )
    time.sleep(30)
    assert not [e for e in run.writes() if e.resource == "deployments/scale"], "nobody fights over them"
    assert deployment_of(run, run.dear)["spec"]["replicas"] == 3
    assert run.condition("Ready")["status"] == "True" and run.world.lost == 0


def evicted(run: MoveRun, pool: str) -> bool:
    """Whether one serving pod of the pool could be evicted, as a drain asks: not while a budget forbids it."""
    of_pool = (p for p in run.listed("v1/pods") if p["metadata"]["labels"].get("steelyard.dev/pool") == pool)
    name = next((p["metadata"]["name"] for p in of_pool if p["metadata"]["labels"].get("steelyard.dev/role") == "serving"), None)
    if name is None:
        return False
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": run.namespace}}
    status, _ = run.cluster.api.request("POST", f"/api/v1/namespaces/{run.namespace}/pods/{name}/eviction", eviction)
    return status == 201


@meanwhile
@pytest.mark.parametrize("end", ["source", "target"])
def test_an_eviction_amid_a_move_costs_no_request_and_the_move_ends(a_move, end):
    run = a_move()
    run.start_operator()
    run.apply()
    run.until_step("Shift")
    pool = run.dear if end == "source" else run.cheap
    wait_until("the eviction", lambda: evicted(run, pool), seconds=SOON)
    run.until_moved()
    assert run.world.lost == 0


@meanwhile
def test_drains_take_one_serving_pod_at_a_time_whatever_becomes_of_the_budget(a_move):
    run = a_move()
    run.start_operator()
    run.apply(mode="Observe")
    run.until_serving()

    def budget() -> dict:
        return next(iter(run.listed("policy/v1/poddisruptionbudgets")), {})

    def evicted(pod: dict) -> int:
        """The status by which the API server answers; the pod as it was seen."""
        meta = {"name": pod["metadata"]["name"], "namespace": run.namespace}
        asked = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": meta}
        return run.cluster.api.request("POST", f"/api/v1/namespaces/{run.namespace}/pods/{meta['name']}/eviction", asked)[0]

    def allowed() -> bool:
        return budget().get("status", {}).get("disruptionsAllowed") == 1

    wait_until("the budget to know the pods", allowed, seconds=SOON)
    assert budget()["status"]["expectedPods"] == run.replicas, "the pods of all pools, and no compile's"
    first, second, third = (p for p in run.listed("v1/pods") if p["metadata"]["labels"].get("steelyard.dev/role") == "serving")
    assert [evicted(first), evicted(second)] == [201, 429]
    run.until("its successor to be ready", lambda _: run.world.ready_pods(run.dear) == run.replicas, SOON)

    run.cluster.kubectl(
        *("patch", "poddisruptionbudget", "model", "-n", run.namespace, "--field-manager=argocd", "--type=merge"),
        *("-p", '{"spec":{"maxUnavailable":0}}'),
    )

    def told() -> list[str]:
        events = run.listed("events.k8s.io/v1/events")
        return [e["note"] for e in events if e["reason"] == "FieldOwnedElsewhere" and "argocd" in e["note"]]

    def untouched() -> bool:
        run.audit.mark()
        time.sleep(15)
        return not [e for e in run.writes() if e.resource == "poddisruptionbudgets"]

    wait_until("the event", told, seconds=SOON)
    assert untouched() or untouched(), "no fight: once more at most, when the controller has written the budget's status after the edit"
    assert budget()["spec"]["maxUnavailable"] == 0
    run.cluster.kubectl("delete", "poddisruptionbudget", "model", "-n", run.namespace)
    wait_until("the budget to be back", allowed, seconds=SOON)
    assert [evicted(second), evicted(third)] == [201, 429]


@meanwhile
def test_a_price_that_is_taken_away_holds_and_one_that_is_back_goes_on(a_move):
    run = a_move(small=True)
    run.start_operator()
    run.apply()
    run.until_serving()
    run.reprice(run.dear, None)
    run.until("the hold", lambda _: run.condition("Held").get("reason") == "PriceSuspect", SOON)
    assert "pricePerHour" in run.condition("Held")["message"]
    time.sleep(10)
    assert not run.status().get("move")
    run.reprice(run.dear, "0.40")
    run.until_moved()


@meanwhile
def test_without_its_kinds_the_operator_says_what_to_do_and_ends(a_move):
    with Cluster.start("fault-no-kinds") as bare, tempfile.TemporaryDirectory() as folder:
        operator = OperatorProcess(bare.kubeconfig, "default", Path(folder), config("default"))
        with operator:
            address = f"http://127.0.0.1:{operator.port('port')}/readyz"
            time.sleep(10)
            assert operator.running, "they may be installed a moment later"
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(address, timeout=PATIENCE)
            assert refused.value.code == 503
            assert "kubectl apply" in refused.value.read().decode()
            assert operator.process is not None
            assert operator.process.wait(SOON) == 1
            said = [line["message"] for line in operator.lines() if "kinds are not served" in str(line.get("message"))]
        assert said
        assert "kubectl apply --server-side -f crds/" in said[-1]
