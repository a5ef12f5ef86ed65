"""Who is on a pool's node beside the workloads: others pay for themselves, and what a node needs is shared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from steelyard.control.gather.other_pods import OtherPods
from steelyard.control.kube.api_client import Listing
from steelyard.control.kube.errors import ApiError, Forbidden, NotFound, Unreachable
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import NODES, PODS, RESOURCE_CLAIMS, Resource
from steelyard.core.economics.ledger import Account, Component, NodeFact, PodFact
from steelyard.core.facts.resources import Resources
from unit.control.fleet_stage import Fleet

NODE = "n-ns000"


class Cluster:
    """Lists what runs, as the API client does."""

    def __init__(self, *pods: Manifest) -> None:
        self.pods = list(pods)
        self.asked: list[dict[str, Any]] = []
        self.claims: list[Manifest] | ApiError = []
        self.classes: list[Manifest] = []

    async def list(
        self, resource: Resource, namespace: str | None = None, *, keep: Callable[[Manifest], Manifest], **query: Any
    ) -> Listing:
        assert namespace is None, "nodes have pods of all namespaces"
        if resource != PODS:
            if isinstance(self.claims, ApiError):
                raise self.claims
            return Listing(tuple(map(keep, self.claims if resource == RESOURCE_CLAIMS else self.classes)), "1")
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


NEURON = "aws.amazon.com/neuron"


def used(fleet: Fleet, others: OtherPods) -> tuple[int, int]:
    """(all, used) devices of the pool's nodes."""
    (pool,) = fleet.world.pools()
    return fleet.gathering(others.on).devices(NEURON, pool.node_selector)


async def test_devices_that_others_hold_are_used_and_no_more_than_the_node_has() -> None:
    fleet = Fleet(1)
    node = fleet.store.get(NODES.key(None, NODE))
    assert node is not None
    fleet.put(NODES, {**node, "status": {**node["status"], "allocatable": {NEURON: "4"}}}, "MODIFIED")
    nobody = used(fleet, await looked())
    assert nobody == (4, 0)
    one = {NEURON: "1"}
    assert used(fleet, await looked(pod(**one))) == (4, 1)
    assert used(fleet, await looked(pod(**one), pod(owner="DaemonSet", **one))) == (4, 2), "an agent's as well"
    assert used(fleet, await looked(pod(**one), is_ours=lambda _: True)) == nobody, "a workload's own are counted as they are"
    assert used(fleet, await looked(pod(node="elsewhere", **one))) == nobody
    assert used(fleet, await looked(pod(**{NEURON: "9"}))) == (4, 4)


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


GPU = {"metadata": {"name": "gpu"}, "spec": {"extendedResourceName": "nvidia.com/gpu"}}
OTHER = {"metadata": {"name": "other"}, "spec": {}}


def claim(*results: tuple[str, str], pods: tuple[str, ...] = ("u",), notes: dict[str, str] | None = None, **more: Any) -> Manifest:
    """Requests `one` of class gpu, and `any` of gpu or, as its second choice, of the other class; allocated: (request, device)."""
    requests = [
        {"name": "one", "exactly": {"deviceClassName": "gpu"}},
        {"name": "any", "firstAvailable": [{"name": "best", "deviceClassName": "gpu"}, {"name": "else", "deviceClassName": "other"}]},
    ]
    given = [{"request": request, "driver": "d", "pool": "n", "device": device, **more} for request, device in results]
    reserved = [{"resource": "pods", "name": uid, "uid": uid} for uid in pods]
    return {
        "metadata": {"name": "c", "namespace": "theirs", "annotations": notes or {}},
        "spec": {"devices": {"requests": requests}},
        "status": {"allocation": {"devices": {"results": given}}, "reservedFor": reserved},
    }


async def held(*claims: Any, pods: tuple[str, ...] = ("u",)) -> dict[str, float]:
    """What others have of the node's devices."""
    cluster = Cluster(*(pod(uid=uid, cpu="1") for uid in pods))
    cluster.claims, cluster.classes = list(claims), [GPU, OTHER]
    others = OtherPods(cluster)
    await others.look({NODE}, lambda _: False)
    asked = dict(others.on(NODE)[Component.OTHERS])
    assert asked.pop("cpu") == len(pods)
    return asked


async def test_devices_by_claims_count_under_the_name_that_containers_ask_for_them_by() -> None:
    assert await held(claim(("one", "0"), ("one", "1"))) == {"nvidia.com/gpu": 2.0}
    assert await held(claim(("any/else", "0"))) == {"deviceclass.resource.kubernetes.io/other": 1.0}
    assert await held(claim(("any/best", "0")), claim(("one", "1"))) == {"nvidia.com/gpu": 2.0}


async def test_a_claim_that_pods_share_and_a_device_that_claims_share_count_once() -> None:
    assert await held(claim(("one", "0"), pods=("u", "elsewhere"))) == {"nvidia.com/gpu": 0.5}
    assert await held(claim(("one", "0"), pods=("u", "v")), pods=("u", "v")) == {"nvidia.com/gpu": 1.0}
    assert await held(claim(("one", "0")), claim(("one", "0"), pods=("elsewhere",))) == {"nvidia.com/gpu": 0.5}


async def test_what_holds_no_device_is_not_counted() -> None:
    made_for_a_container = claim(("one", "0"), notes={"resource.kubernetes.io/extended-resource-claim": "true"})
    assert await held(made_for_a_container) == {}, "its container asks for it"
    assert await held(claim(("one", "0"), adminAccess=True)) == {}
    assert await held(claim(("one", "0"), pods=())) == {}
    assert await held(claim()) == {}


async def test_a_claim_that_cannot_be_read_hides_no_other() -> None:
    odd: list[Any] = [{}, {"metadata": {"name": "x"}, "spec": None, "status": {"reservedFor": "text"}}, claim(("nobody", "9"))]
    assert await held(*odd, claim(("one", "0"))) == {"nvidia.com/gpu": 1.0}


@pytest.mark.parametrize("error", [NotFound("no such kind", status=404), Forbidden("no", status=403)])
async def test_without_the_kind_or_the_right_pods_are_looked_at_all_the_same(error: ApiError) -> None:
    cluster = Cluster(pod(cpu="1"))
    cluster.claims = error
    others = OtherPods(cluster)
    await others.look({NODE}, lambda _: False)
    assert others.on(NODE) == {Component.OTHERS: {"cpu": 1.0}}


async def test_a_look_that_fails_leaves_what_was_found() -> None:
    cluster = Cluster(pod(cpu="1"))
    cluster.claims, cluster.classes = [claim(("one", "0"))], [GPU]
    others = OtherPods(cluster)
    await others.look({NODE}, lambda _: False)
    cluster.claims = Unreachable("no route", subject="list", write=False)
    with pytest.raises(Unreachable):
        await others.look({NODE}, lambda _: False)
    assert others.on(NODE) == {Component.OTHERS: {"cpu": 1.0, "nvidia.com/gpu": 1.0}}
