"""Where an autoscaler sizes: the cluster's own HPA controller writes one ScaleTarget through a roll-out, and nobody else writes its replicas."""

from __future__ import annotations

from typing import Any

import pytest

from fault.holding import exposing
from fault.meanwhile import meanwhile
from fault.move_run import MOVE_SECONDS, SOON, MoveRun
from fault.scale_targets import ANOTHER_MODEL, EXTERNAL, deployments, scale, target, targets, told

pytestmark = pytest.mark.apiserver


def autoscale(run: MoveRun, kind: str, name: str, least: int) -> None:
    """A HorizontalPodAutoscaler without a metric that anybody serves: it keeps to its bounds."""
    ref = {"apiVersion": "steelyard.dev/v1alpha1" if kind == "ScaleTarget" else "apps/v1", "kind": kind, "name": name}
    made: dict[str, Any] = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "embed", "namespace": run.namespace},
        "spec": {"scaleTargetRef": ref, "minReplicas": least, "maxReplicas": 8},
    }
    path = f"/apis/autoscaling/v2/namespaces/{run.namespace}/horizontalpodautoscalers/embed?fieldManager=person&force=true"
    status, body = run.cluster.api.request("PATCH", path, made, "application/apply-patch+yaml")
    assert status < 300, body


def external(a_move: Any, *flags: str) -> MoveRun:
    run: MoveRun = a_move(small=True)
    run.start_operator(flags=flags)
    run.ask_for(scaling=EXTERNAL)
    run.apply(mode="Recommend")
    run.until_serving()
    run.until("its targets", lambda _: targets(run) == {run.dear: 1, run.cheap: 0}, SOON)
    return run


def writes_of_targets(run: MoveRun) -> set[tuple[str, str]]:
    return {(e.verb, e.resource) for e in run.writes() if e.resource.startswith("scaletargets") and e.code < 300}


@meanwhile
def test_the_clusters_own_autoscaler_keeps_its_target_through_a_roll_out_and_no_request_is_lost(a_move):
    run = external(a_move)
    autoscale(run, "ScaleTarget", target(run.dear), 3)
    run.until("what it asks for", lambda _: run.world.ready_pods(run.dear) == 3, SOON)
    before = set(deployments(run))
    run.ask_for(compile=ANOTHER_MODEL)
    run.apply(mode="Recommend")
    run.until_step("Shift")
    autoscale(run, "ScaleTarget", target(run.dear), 4)
    run.until("what it asks for amid the roll-out", lambda _: targets(run)[run.dear] == 4 and sum(deployments(run).values()) >= 4, SOON)
    run.until("the new revision alone", lambda s: not s.get("move") and not before & set(deployments(run)), MOVE_SECONDS)
    run.until("what it asks for", lambda _: list(deployments(run).values()) == [4], SOON)
    assert [h["outcome"] for h in run.status()["history"]] == ["Moved"]
    assert run.world.lost == 0
    assert run.holds() == run.dear, "what would cost less is said, and not done"
    assert writes_of_targets(run) == {("create", "scaletargets"), ("patch", "scaletargets/status")}
    run.end_operators()


@meanwhile
def test_replicas_begin_and_end_where_they_are_asked_for_and_an_operator_that_is_killed_changes_nothing(a_move):
    run = external(a_move)
    scale(run, run.cheap, 2)
    run.until("a second pool", lambda _: run.world.ready_pods(run.cheap) == 2, SOON)
    scale(run, run.dear, 0)
    run.until("the first to be left", lambda _: run.world.ready_pods(run.dear) == 0 and len(deployments(run)) == 1, SOON)
    run.operators[-1].kill()
    scale(run, run.cheap, 3)
    run.free_lease()
    run.start_operator()
    run.until("what was asked for meanwhile", lambda _: run.world.ready_pods(run.cheap) == 3, SOON)
    assert targets(run) == {run.dear: 0, run.cheap: 3}
    told = next(t for t in run.listed("steelyard.dev/v1alpha1/scaletargets") if t["spec"]["pool"] == run.cheap)
    assert f"steelyard.dev/pool={run.cheap}" in told["status"]["selector"]
    run.ask_for(scaling={"minReplicas": 1, "maxReplicas": 6})
    run.apply(mode="Observe")
    run.until("no target, where Steelyard sizes", lambda _: not targets(run), SOON)
    assert run.world.lost == 0
    run.end_operators()


@meanwhile
def test_at_zero_it_is_idle_and_says_what_a_first_replica_takes_and_one_that_is_asked_for_serves(a_move):
    run = external(a_move)
    scale(run, run.dear, 0)
    told = run.until("the word", lambda _: run.condition("Ready").get("reason") == "Idle" and run.condition("Ready"), SOON)
    # Played servers are ready in the second in which they are made, which is no start that was measured.
    assert told["message"].endswith(
        f"A first replica: on pool {run.cheap} no start was measured yet; on pool {run.dear} no start was measured yet."
    )
    assert run.condition("Held").get("status") == "False"
    run.until("nothing to be left", lambda _: not deployments(run), SOON)
    scale(run, run.cheap, 1)
    run.until("what is asked for", lambda _: run.condition("Ready").get("status") == "True" and run.world.ready_pods(run.cheap) == 1, SOON)
    run.end_operators()


@meanwhile
def test_an_autoscaler_on_a_deployment_is_named_before_it_has_written_anything(a_move):
    run = a_move(small=True)
    run.start_operator()
    run.apply(mode="Observe")
    run.until_serving()
    (called,) = deployments(run)
    autoscale(run, "Deployment", called, 1)
    held = run.until("the hold", lambda _: run.condition("Held").get("reason") == "ReplicasOwnedElsewhere" and run.condition("Held"), SOON)
    assert "HorizontalPodAutoscaler embed writes the replicas" in held["message"]
    assert f"point it at ScaleTarget {target(run.dear)}" in held["message"]
    live = run.listed("apps/v1/deployments")[0]
    assert {e["manager"] for e in live["metadata"]["managedFields"] if "f:replicas" in e["fieldsV1"].get("f:spec", {})} == {"steelyard"}
    run.end_operators()


@meanwhile
def test_keda_is_told_what_the_load_needs_and_nothing_once_it_is_not_seen(a_move):
    run = external(a_move, "--external-scaler", "--external-scaler-port", "0")
    run.until("the plan", lambda _: told(run, run.dear) == 1, MOVE_SECONDS)
    assert told(run, run.cheap) == "FAILED_PRECONDITION", "where it does not run there is no plan"
    run.until("the same as a metric", lambda _: "steelyard_autoscaler_replicas{" in run.operators[-1].metrics(), SOON)
    lost = exposing(run, "gone")
    lost.lose()
    run.until("no number", lambda _: told(run, run.dear) == "UNAVAILABLE", SOON)
    lost.mend()
    run.until("the number again", lambda _: told(run, run.dear) == 1, MOVE_SECONDS)
    run.end_operators()
