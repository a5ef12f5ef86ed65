"""Kueue gives and refuses quota: a move waits for it without a loss and goes on with it, and where there is none the load goes elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.cluster import Cluster
from cluster.fixtures import new_namespace
from fault.move_run import MoveRun
from integrations.kueue import PODS, Manifest, queues, set_quota, start
from steelyard.control.gather.queued import is_gated

pytestmark = pytest.mark.integrations

PROGRAMS = ("kueue",)

CRDS = Path(__file__).parents[2] / "crds"
WAITED = 30.0
"""Seconds that a move is watched while it waits: several windows, and far longer than its servers take to start."""


@pytest.fixture(scope="module")
def cluster(control_plane: Cluster) -> Cluster:
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRDS))
    control_plane.until_established()
    start(control_plane)
    return control_plane


class Queued:
    """A golden move whose pods are in a queue with quota for its dear pool alone."""

    def __init__(self, run: MoveRun) -> None:
        self.run = run
        self.made = queues({"dear": run.dear, "cheap": run.cheap}, run.namespace, run.tag)
        for each in self.made:
            run.cluster.apply(yaml.safe_dump(each))
        run.ask_for(pods=PODS)

    def quota(self, pool: str, cpu: str) -> None:
        self.run.cluster.apply(yaml.safe_dump(set_quota(self.made, pool, cpu)))

    def gated(self) -> list[Manifest]:
        return [pod for pod in self.run.listed("v1/pods") if is_gated(pod)]

    def told(self, kind: str) -> bool:
        return bool(self.run.condition(kind).get("reason") == "WaitingForQuota")

    def pool(self, name: str) -> Manifest:
        found = self.run.cluster.api.get(f"/apis/steelyard.dev/v1alpha1/acceleratorpools/{name}") or {}
        return dict(found.get("status") or {})

    def exhausted(self, name: str) -> str:
        return next((c["status"] for c in self.pool(name).get("conditions", ()) if c["type"] == "Exhausted"), "unknown")

    def start_seconds(self, pool: str) -> float | None:
        told = next((p for p in self.run.status().get("placements", ()) if p["pool"] == pool), {})
        return float(told["startSeconds"]) if "startSeconds" in told else None


@contextmanager
def in_a_queue(cluster: Cluster, **how: Any) -> Iterator[Queued]:
    with new_namespace(cluster, "move") as namespace, MoveRun(cluster, namespace, **how) as run:
        yield Queued(run)


def test_a_move_waits_for_quota_loses_nothing_and_ends_once_there_is_some(cluster: Cluster) -> None:
    with in_a_queue(cluster) as queued:
        run = queued.run
        run.play.start_seconds = 4.0  # times of Kubernetes are whole seconds
        run.start_operator()
        run.apply()
        run.until_serving()
        labels = run.listed("apps/v1/deployments")[0]["metadata"]["labels"]
        assert labels["kueue.x-k8s.io/queue-name"] == PODS["queueName"]
        run.until("the move to wait for quota", lambda _: queued.told("Balanced"))
        message = run.condition("Balanced")["message"]
        print(message)
        assert f"wait for quota of LocalQueue {PODS['queueName']}" in message
        assert f"insufficient unused quota for cpu in flavor {run.cheap}" in message or "insufficient quota for cpu" in message
        began = time.monotonic()
        while time.monotonic() < began + WAITED:
            assert run.world.ready_pods(run.dear) >= run.replicas
            assert run.world.ready_pods(run.cheap) == 0
            time.sleep(0.5)
        assert queued.gated()
        assert queued.exhausted(run.cheap) == "False"
        queued.quota(run.cheap, "8")
        run.until_moved()
        assert run.world.lost == 0
        assert not queued.gated()
        took = run.until("the start to be remembered", lambda _: queued.start_seconds(run.cheap))
        print(f"start-up {took} s, after a wait of over {WAITED} s")
        assert took < WAITED, "the wait is no part of it"
        assert not run.status().get("quarantine")


def test_a_move_that_gets_no_quota_is_given_up_and_leaves_nothing_in_the_queue(cluster: Cluster) -> None:
    with in_a_queue(cluster, rebalancing={"exploration": {"budget": "5.00", "deadlineSeconds": 60}}) as queued:
        run = queued.run
        run.start_operator()
        run.apply()
        run.until_serving()
        past = run.until("the end of the move", lambda s: s.get("history"))
        assert (past[-1]["outcome"], past[-1]["reason"]) == ("RolledBack", "WaitingForQuota")
        run.until("the queue to be empty", lambda _: not queued.gated())
        assert [(q["pool"], q["reason"]) for q in run.status()["quarantine"]] == [(run.cheap, "WaitingForQuota")]
        assert queued.exhausted(run.cheap) == "False"
        assert run.holds() == run.dear and run.world.ready_pods(run.dear) == run.replicas
        assert run.world.lost == 0


@pytest.mark.short
def test_a_workload_whose_first_choice_has_no_quota_is_served_by_another_pool(cluster: Cluster) -> None:
    with in_a_queue(cluster, small=True) as queued:
        run = queued.run
        queued.quota(run.dear, "0")
        queued.quota(run.cheap, "8")
        run.start_operator()
        run.apply()
        run.until("the first replica to wait", lambda _: queued.told("Placed") and queued.told("Ready"))
        run.until("a replica elsewhere", lambda _: run.world.ready_pods(run.cheap) == 1)
        run.until("the workload to be ready", lambda _: run.condition("Ready").get("status") == "True")
        run.until("the queue to be empty", lambda _: not queued.gated())
        assert run.holds() == run.cheap
        assert queued.exhausted(run.dear) == "False"
