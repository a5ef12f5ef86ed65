"""What a look, a round or a deletion takes does not grow with the fleet around it: counted in calls, not in seconds."""

import gc
import sys
from collections.abc import Callable, Container
from dataclasses import replace
from types import FrameType, SimpleNamespace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from steelyard.control.gather import snapshot_builder
from steelyard.control.gather.pool_facts import NodeView, node_view
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import DEPLOYMENTS, INFERENCE_WORKLOADS, NODES
from steelyard.control.telemetry.decision_log import DecisionLog
from steelyard.control.telemetry.metrics import Metrics
from steelyard.core.decide import decide
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.pod import PodFacts
from unit.control.fleet_stage import Fleet
from unit.core.world import START, Ground, World

FEW, MANY = 20, 200


def calls(work: Callable[[], Any]) -> int:
    """Functions that are called, and generators that go on, while it works."""
    count = 0

    def see(_: FrameType, event: str, __: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    # Whoever listens to collections of garbage is called in the middle of it.
    gc.disable()
    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


def both(work: Callable[[Fleet], Any]) -> tuple[int, int]:
    """Calls of the second time, in a small fleet and in one ten times as large: the first fills what is kept."""
    counts = []
    for workloads in (FEW, MANY):
        fleet = Fleet(workloads)
        work(fleet)
        counts.append(calls(lambda fleet=fleet: work(fleet)))  # type: ignore[misc]
    return counts[0], counts[1]


def test_a_look_at_one_workload_costs_the_same_in_a_fleet_ten_times_as_large() -> None:
    few, many = both(lambda fleet: fleet.look())
    assert few == many


def test_a_look_after_another_workloads_status_changed_costs_the_same_too() -> None:
    def work(fleet: Fleet) -> None:
        raw = fleet.world.raw(WorkloadKey("ns007", "chat"))
        assert raw is not None
        fleet.put(INFERENCE_WORKLOADS, {**raw, "status": {"observedGeneration": 1}}, "MODIFIED")
        fleet.look()

    few, many = both(work)
    assert few == many


def test_a_look_after_another_workloads_deployment_changed_or_went_costs_the_same_too() -> None:
    def work(fleet: Fleet) -> None:
        fleet.put(DEPLOYMENTS, fleet.deployment("ns007", 5), "MODIFIED")
        fleet.look()
        fleet.put(DEPLOYMENTS, fleet.deployment("ns007", 6), "MODIFIED")
        fleet.look()

    few, many = both(work)
    assert few == many


def test_what_replicas_hold_is_the_same_whatever_came_and_went_before() -> None:
    fleet, anew = Fleet(7), Fleet(7)
    before = fleet.look().pools
    for replicas in (1, 5, 3, 7):
        for number in range(7):
            fleet.put(DEPLOYMENTS, fleet.deployment(f"ns{number:03d}", replicas), "MODIFIED")
            fleet.look()
    for number in range(7):
        fleet.put(DEPLOYMENTS, fleet.deployment(f"ns{number:03d}", 2), "MODIFIED")
    assert fleet.look().pools == before == anew.look().pools
    fleet.put(DEPLOYMENTS, fleet.deployment("ns006", 2), "DELETED")
    assert fleet.look().pools[0].held_nodes == pytest.approx(before[0].held_nodes * 5 / 6)


def test_a_status_of_a_deployment_leaves_the_pools_that_all_others_see() -> None:
    fleet = Fleet(3)
    before = fleet.world._pools_for(fleet.world.raw(WorkloadKey("ns000", "chat")) or {})
    fleet.put(DEPLOYMENTS, {**fleet.deployment("ns001", 2), "status": {"readyReplicas": 1}}, "MODIFIED")
    assert fleet.world._pools_for(fleet.world.raw(WorkloadKey("ns000", "chat")) or {}) is before


def test_what_others_hold_of_a_pool_is_all_that_they_hold_without_ones_own() -> None:
    fleet = Fleet(3)
    (pool,) = fleet.look().pools
    each = pool.held_nodes / 2
    fleet.put(DEPLOYMENTS, fleet.deployment("ns000", 5), "MODIFIED")
    assert fleet.look().pools == (pool,), "its own replicas are nobody else's"
    fleet.put(DEPLOYMENTS, fleet.deployment("ns001", 6), "MODIFIED")
    assert fleet.look().pools[0].held_nodes == pytest.approx(4 * each)


@pytest.mark.parametrize("work", [lambda f: f.world.pods(), lambda f: f.world.window_seconds()], ids=["pods", "windows"])
def test_a_round_reads_what_became_different_since_the_last_one(work: Callable[[Fleet], Any]) -> None:
    fleet = Fleet(MANY)
    first, second = calls(lambda: work(fleet)), calls(lambda: work(fleet))
    assert second < first / 2


def test_a_round_and_a_look_read_again_of_the_nodes_those_that_became_different(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet, again = Fleet(FEW), list[str]()
    pods = fleet.world.pods()

    def counting(node: Manifest, read: Container[str]) -> NodeView:
        again.append(node["metadata"]["name"])
        return node_view(node, read)

    monkeypatch.setattr(snapshot_builder, "node_view", counting)
    assert fleet.world.pods() == pods
    fleet.look()
    assert again == []
    fleet.put(NODES, fleet.store.get(NODES.key(None, "n-ns001")) or {}, "MODIFIED")
    assert fleet.world.pods() == pods
    assert set(again) == {"n-ns001"}


def test_each_node_is_asked_about_its_own_pods_alone() -> None:
    fleet = Fleet(MANY)
    pods = Counted(fleet.world.pods())
    paid = fleet.world.paid_nodes(pods)
    assert [len(node.pods) for node in paid] == [2] * MANY
    assert pods.times == 1


def test_a_workloads_counters_are_forgotten_without_looking_at_the_others() -> None:
    counts = []
    for workloads in (FEW, MANY):
        metrics = Metrics()
        for number in range(workloads):
            metrics.count("steelyard_workload_requests", ("ns", f"w{number}", "pool", "good"))
        looked_at = Seen(metrics._sums["steelyard_workload_requests"])
        metrics._sums["steelyard_workload_requests"] = looked_at
        metrics.forget_workload("ns", "w0")
        counts.append(looked_at.times)
        assert len(looked_at) == workloads - 1
        assert all(s.labels.get("workload") != "w0" for f in text_string_to_metric_families(metrics.page().decode()) for s in f.samples)
    assert counts == [0, 0]


def test_gauges_are_made_for_a_reader_and_not_in_every_round() -> None:
    counts, world = [], World({"a": Ground()})
    for workloads in (FEW, MANY):
        metrics = Metrics()
        log = DecisionLog(SimpleNamespace(record=lambda *_: None), metrics)  # type: ignore[arg-type]
        for number in range(workloads):
            snapshot = world.snapshot()
            mine = replace(snapshot, workload=replace(snapshot.workload, key=WorkloadKey("ns", f"w{number}")))
            log.record({"metadata": {}}, mine, decide(mine, START), START)
        counts.append(calls(lambda log=log: log.publish(START, leading=True, owed=True)))  # type: ignore[misc]
        told = {s.labels.get("workload") for family in text_string_to_metric_families(metrics.page().decode()) for s in family.samples}
        assert len(told - {None}) == workloads
    assert counts[0] == counts[1]


class Counted(tuple[PodFacts, ...]):
    """A tuple that counts how often somebody goes through it."""

    times = 0

    def __iter__(self) -> Any:
        self.times += 1
        return super().__iter__()


class Seen(dict[tuple[str, ...], Any]):
    """A dictionary that counts how often somebody goes through it."""

    times = 0

    def __iter__(self) -> Any:
        self.times += 1
        return super().__iter__()
