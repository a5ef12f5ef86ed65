"""A real HPA, by the fleet's plan: the operator's metric goes through a real Prometheus and the real prometheus-adapter to the cluster's own HPA controller,
with the rule and the autoscaler of docs/how-to/autoscalers.md. Nodes, pods and servers are played."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

import pytest

from cluster.cluster import Cluster
from cluster.prometheus import PORT
from fault.holding import exposing
from fault.move_run import MOVE_SECONDS, WORKLOAD, MoveRun
from fault.scale_targets import ANOTHER_MODEL, deployments, scale, target, targets
from integrations import prometheus_adapter
from integrations.replicas import sampled
from integrations.sized import (
    DOWN_SECONDS,
    FOUR,
    ONE,
    THREE,
    active,
    cluster_with_our_kinds,
    shown,
    sized,
    stays_without_a_number,
    until_nothing_is_lost,
    until_scaled,
    until_with_a_number,
    until_without_a_number,
)

pytestmark = pytest.mark.integrations

PROGRAMS = ("prometheus", "prometheus-adapter", "helm")
LONG_BAKE = 600
"""Seconds: a roll-out goes on only once the test says so."""
FRESH_SECONDS = 60
"""A number that is older is none, by the page's rule."""


@pytest.fixture(scope="module")
def adapter() -> Iterator[Cluster]:
    """A cluster in which the adapter serves."""
    with cluster_with_our_kinds("hpa") as cluster:
        prometheus_adapter.start(cluster, f"http://{cluster.identity.gateway}:{PORT}")
        yield cluster


def autoscale(run: MoveRun, pool: str, *, least: int = 1) -> str:
    """With the page's HPA, whose names and bounds are the run's; its name."""
    made = deepcopy(shown("HorizontalPodAutoscaler"))
    made["metadata"] = {"name": target(pool), "namespace": run.namespace}
    spec = made["spec"]
    spec["scaleTargetRef"]["name"] = target(pool)
    spec["minReplicas"] = least
    spec["metrics"][0]["external"]["metric"]["selector"]["matchLabels"] = {"workload": WORKLOAD, "pool": pool}
    spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"] = DOWN_SECONDS
    run.cluster.api.apply(made)
    return target(pool)


@contextmanager
def scraped(cluster: Cluster) -> Iterator[MoveRun]:
    """A workload that serves with one replica, whose operator Prometheus reads."""
    with sized(cluster) as run:
        prometheus_adapter.scrape(cluster, run.operators[-1].port())
        yield run


@pytest.mark.short
def test_replicas_follow_a_load_that_rises_and_stay_where_nothing_is_known(adapter: Cluster) -> None:
    with scraped(adapter) as run:
        hpa = autoscale(run, run.dear)
        until_with_a_number(run, hpa)
        run.play.load = THREE
        most = until_scaled(run, run.dear, lambda asked: asked >= 3)
        # Its servers are not read any more, while the load falls.
        lost = exposing(run, "gone")
        lost.lose()
        until_without_a_number(run, hpa)
        run.play.load = ONE
        stays_without_a_number(run, run.dear, hpa)
        lost.mend()
        until_with_a_number(run, hpa)
        # The operator is gone.
        run.operators[-1].kill()
        stays_without_a_number(run, run.dear, hpa)
        assert targets(run)[run.dear] == most


def test_replicas_follow_a_load_that_falls_and_no_number_outlives_prometheus_and_operator(adapter: Cluster) -> None:
    with scraped(adapter) as run:
        scale(run, run.dear, 4)
        hpa = autoscale(run, run.dear)
        until_scaled(run, run.dear, lambda asked: asked == 1)
        assert run.world.lost == 0
        port = run.operators[-1].port()
        adapter.supervisor.stop("prometheus")
        stays_without_a_number(run, run.dear, hpa)
        # Of an operator that ends meanwhile Prometheus never finds out that it says nothing any more: its last number stands for five minutes.
        run.operators[-1].kill()
        url = prometheus_adapter.scrape(adapter, port)
        labels = {"namespace": run.namespace, "workload": WORKLOAD, "pool": run.dear}
        later = time.time() + FRESH_SECONDS
        assert prometheus_adapter.last_known(url, labels, at=later) == [1.0]
        assert prometheus_adapter.by_the_rule(url, labels, at=later) == []


def test_a_roll_out_has_what_the_hpa_asks_for_at_any_time(adapter: Cluster) -> None:
    with scraped(adapter) as run:
        autoscale(run, run.dear)
        run.play.load = THREE
        three = until_scaled(run, run.dear, lambda asked: asked >= 3)
        lost, before = until_nothing_is_lost(run), set(deployments(run))
        with sampled(run) as fewest:
            run.ask_for(compile=ANOTHER_MODEL)
            run.apply(mode="Recommend", bakeSeconds=LONG_BAKE, deadlineSeconds=2 * LONG_BAKE)
            run.until_step("Bake")
            run.play.load = FOUR
            more = run.until("more, amid the roll-out", lambda _: three < targets(run)[run.dear] and targets(run)[run.dear], MOVE_SECONDS)
            assert run.status()["move"]["step"] == "Bake"
            run.apply(mode="Recommend", deadlineSeconds=2 * LONG_BAKE)
            run.until("the new revision alone", lambda s: not s.get("move") and not before & set(deployments(run)), MOVE_SECONDS)
        until_scaled(run, run.dear, lambda asked: asked > three)
        print(f"{three} and {more} replicas were asked for; {fewest}")
        assert fewest.written >= fewest.asked and fewest.ready >= fewest.asked
        assert run.world.lost == lost
        assert [h["outcome"] for h in run.status()["history"]] == ["Moved"]


def test_two_hpas_bring_a_workload_from_one_pool_to_another_and_none_of_its_replicas_is_missing(adapter: Cluster) -> None:
    with scraped(adapter) as run:
        run.play.load = THREE
        autoscale(run, run.dear, least=0)
        other = autoscale(run, run.cheap)
        until_scaled(run, run.dear, lambda asked: asked >= 3)
        assert active(run, other)["reason"] == "ScalingDisabled", "an HPA leaves 0 replicas alone"
        lost = until_nothing_is_lost(run)
        with sampled(run) as fewest:
            # A person opens the other pool, as the page says; the plan and the HPAs do the rest.
            scale(run, run.cheap, 1)
            run.until("the other pool alone", lambda _: targets(run)[run.dear] == 0 == run.world.ready_pods(run.dear), 2 * MOVE_SECONDS)
        asked = targets(run)[run.cheap]
        print(f"{asked} replicas on the cheap pool; {fewest}")
        assert run.world.ready_pods(run.cheap) == asked >= 2
        assert fewest.written >= fewest.asked and fewest.ready >= fewest.asked
        assert run.world.lost == lost
