"""Who is on a pool's node beside the workloads: others pay for themselves, and what a node needs is shared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from steelyard.control.gather.other_pods import OtherPods
from steelyard.control.kube.api_client import Listing
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import NODES, PODS, Resource
from steelyard.core.economics.ledger import Account, Component, NodeFact, PodFact
from steelyard.core.facts.resources import Resources
from unit.control.fleet_stage import Fleet

NODE = "n-ns000"


class Cluster:
    """Lists what runs, as the API client does."""

    def __init__(self, *pods: Manifest) -> None:
        self.pods = list(pods)
        self.asked: list[dict[str, Any]] = []

    async def list(self, resource: Resource, *, keep: Callable[[Manifest], Manifest], **query: Any) -> Listing:
        assert resource == PODS
        self.asked.append(query)
        return Listing(tuple(map(keep, self.pods)), "1")


def pod(
    node: str | None = NODE, uid: str = "u", owner: str = "ReplicaSet", labels: dict[str, str] | None = None, **requests: str
) -> Manifest:
    return {
        "metadata": {
            "name": uid,
            "namespace": "theirs",
            "uid": uid,
            "labels": labels or {},
            "ownerReferences": [{"kind": owner, "controller": True}],
        },
        "spec": {"nodeName": node, "containers": [{"name": "a", "resources": {"requests": requests}}]},
    }


async def looked(*pods: Manifest, is_ours: Callable[[Manifest], bool] = lambda _: False) -> OtherPods:
    others = OtherPods(Cluster(*pods))
    await others.look({NODE}, is_ours)
    return others


async def test_what_others_ask_for_is_summed_by_node_and_agents_of_the_node_are_apart() -> None:
    others = await looked(
        pod(cpu="500m", memory="1Gi"),
        pod(cpu="1", memory="512Mi"),
        pod(owner="DaemonSet", cpu="100m"),
        pod(owner="Node", cpu="50m"),
        pod(node="elsewhere", cpu="8"),
        pod(node=None, cpu="8"),
    )
    assert others.on(NODE) == {Component.OTHERS: {"cpu": 1.5, "memory": 1.5 * 2**30}, Component.SHARED: {"cpu": pytest.approx(0.15)}}
    assert others.on("elsewhere") == {}


async def test_a_sidecar_counts_and_a_container_that_only_prepares_does_not() -> None:
    made = pod(cpu="1")
    made["spec"]["initContainers"] = [
        {"resources": {"requests": {"cpu": "2"}}, "restartPolicy": "Always"},
        {"resources": {"requests": {"cpu": "4"}}},
    ]
    assert (await looked(made)).on(NODE) == {Component.OTHERS: {"cpu": 3.0}}


async def test_a_workloads_own_pods_are_counted_elsewhere_and_what_compiles_for_them_is_shared() -> None:
    compiling = {"steelyard.dev/compiled-model": "m"}
    mine = await looked(pod(cpu="1"), pod(labels=compiling, cpu="2"), is_ours=lambda _: True)
    assert mine.on(NODE) == {Component.SHARED: {"cpu": 2.0}}
    theirs = await looked(pod(labels=compiling, cpu="2"))
    assert theirs.on(NODE) == {Component.OTHERS: {"cpu": 2.0}}, "whatever its labels say"


async def test_a_pod_that_cannot_be_read_hides_no_other_one() -> None:
    odd = [pod(cpu="many"), {"metadata": {}, "spec": {"nodeName": NODE, "containers": 5}}, {}]
    assert (await looked(*odd, pod(cpu="1"))).on(NODE) == {Component.OTHERS: {"cpu": 1.0}}


async def test_only_what_runs_is_asked_for_and_page_by_page() -> None:
    cluster = Cluster()
    await OtherPods(cluster).look({NODE}, lambda _: False)
    assert cluster.asked == [{"field_selector": "status.phase=Running", "page_size": 100}]


async def test_what_stays_is_the_same_object_and_what_went_is_nobody() -> None:
    cluster = Cluster(pod(cpu="1"))
    others = OtherPods(cluster)
    await others.look({NODE}, lambda _: False)
    before = others.on(NODE)
    await others.look({NODE}, lambda _: False)
    assert others.on(NODE) is before
    cluster.pods = []
    await others.look({NODE}, lambda _: False)
    assert others.on(NODE) == {}


def nodes(fleet: Fleet, others: OtherPods) -> dict[str, NodeFact]:
    fleet.world = fleet.gathering(others.on)
    return {node.name: node for node in fleet.world.paid_nodes(fleet.world.pods())}


async def test_a_node_is_paid_with_all_that_is_on_it_and_with_no_more_than_it_has() -> None:
    fleet = Fleet(1)
    alone = nodes(fleet, await looked())[NODE]
    kept = nodes(fleet, await looked(pod(cpu="1", memory="2Gi", **{"aws.amazon.com/neuron": "1"})))[NODE]
    assert kept.pods[: len(alone.pods)] == alone.pods
    (beside,) = kept.pods[len(alone.pods) :]
    assert beside == PodFact(
        uid=f"u-{NODE}/Others", account=Account("", fleet.pool, Component.OTHERS), resources=Resources(1.0, 2.0, 1.0), since=kept.launched
    )
    huge = nodes(fleet, await looked(pod(cpu="1E", memory="1Ei", **{"aws.amazon.com/neuron": "1E"})))[NODE]
    assert huge.pods[-1].resources == kept.allocatable


async def test_a_part_of_a_device_is_held_as_a_part() -> None:
    fleet = Fleet(1)
    node = fleet.store.get(NODES.key(None, NODE))
    assert node is not None
    fleet.put(NODES, {**node, "status": {**node["status"], "capacity": {"aws.amazon.com/neuron": "2"}}}, "MODIFIED")
    half = nodes(fleet, await looked(pod(**{"aws.amazon.com/neuron": "1"})))[NODE]
    assert half.pods[-1].resources.devices == 0.5 * half.allocatable.devices


async def test_the_next_round_sees_who_came_since_the_last_look() -> None:
    fleet, cluster = Fleet(1), Cluster()
    others = OtherPods(cluster)
    before = nodes(fleet, others)[NODE]
    assert fleet.world.paid == {NODE}
    cluster.pods = [pod(cpu="1")]
    await others.look(fleet.world.paid, fleet.world.is_own)
    (after,) = fleet.world.paid_nodes(fleet.world.pods())
    assert len(after.pods) == len(before.pods) + 1


def test_a_pod_of_ours_is_ours_until_it_has_gone_whoever_made_it() -> None:
    fleet = Fleet(1)
    (mine, *_) = (each for each in fleet.store.all(PODS))
    assert fleet.world.is_own(mine)
    fleet.world.pods()
    fleet.drop_deployment("ns000")
    assert fleet.world.is_own(mine)
    assert not fleet.gathering().is_own(mine)
    assert fleet.store.get(NODES.key(None, NODE)) is not None
