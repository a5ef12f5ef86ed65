"""A server that exists already is found by its object, its pods and their nodes; nothing of it is ever written."""

from __future__ import annotations

import re

import pytest

from steelyard.control.gather.existing_objects import A_ROUND
from steelyard.control.kube.errors import ServerError
from steelyard.control.kube.resource import NODES
from steelyard.core.catalogue.made_pool import made_without_price, pool_name
from steelyard.core.facts.existing import DeviceOrder
from steelyard.core.facts.price import PriceClass
from steelyard.core.vocabulary.reason import Reason
from unit.control.existing_stage import KEY, NOW, Stage

GPU = {"nvidia_com__gpu": "1"}


def standing(**requests: str) -> Stage:
    """Two replicas of Deployment chat on two nodes with a device each."""
    stage = Stage()
    stage.workload()
    stage.deployment(2)
    for n in (1, 2):
        stage.node(f"n{n}", "g6.xlarge", **GPU)
        stage.pod(f"chat-{n}", f"n{n}", **({"cpu": "2", "memory": "8Gi", **GPU} | requests))
    return stage


async def test_pods_on_nodes_of_no_pool_stand_on_one_that_is_named_after_their_instance_type_at_the_list_price() -> None:
    stage = standing()
    await stage.look()
    seen = stage.freeze()
    (place,) = seen.placements
    assert (place.key.pool, place.desired, place.ready, place.pods) == ("g6-xlarge", 2, 2, 2)
    pool = seen.pool("g6-xlarge")
    assert pool is not None
    assert (pool.made, pool.nodes, pool.family, pool.accelerator, pool.resource_name) == (True, 2, "nvidia", "l4", "nvidia.com/gpu")
    (shape,) = pool.shapes
    assert shape.price is not None
    assert (shape.price.price_class, shape.price.per_hour, shape.resources.devices) == (PriceClass.LIST, 0.8048, 1.0)
    assert seen.found is not None
    assert (seen.found.resources.devices, seen.found.refusal) == (1.0, None)


async def test_pods_on_nodes_of_a_pool_stand_there_at_its_price_whatever_pools_were_chosen() -> None:
    stage = standing()
    selector = {"node.kubernetes.io/instance-type": "g6.xlarge"}
    accelerator = {"family": "nvidia", "model": "l4", "resourceName": "nvidia.com/gpu"}
    shape = {
        "instanceType": "g6.xlarge",
        "devices": 1,
        "cpu": 4,
        "memory": "16Gi",
        "pricePerHour": "0.5",
        "priceClass": "Contracted",
        "asOf": "2026-01-01",
    }
    changes = {
        "metadata.name": "gpu",
        "spec.nodes.selector": selector,
        "spec.accelerator": accelerator,
        "spec.backends": [{"name": "vllm"}],
        "spec.shapes": [shape],
    }
    stage.pool(**changes)
    await stage.look()
    seen = stage.freeze()
    assert [p.key.pool for p in seen.placements] == ["gpu"]
    assert [(p.name, p.selected, p.made) for p in seen.pools] == [("gpu", True, False)]
    costs = {pod.cost_per_hour for pod in stage.world.pods()}
    assert len(costs) == 1 and 0 < min(c for c in costs if c is not None) <= 0.5


async def test_a_pool_of_that_name_that_has_other_nodes_is_another_pool() -> None:
    stage = standing()
    stage.pool(**{"metadata.name": "g6-xlarge", "spec.nodes.selector": {"mine": "yes"}})
    await stage.look()
    seen = stage.freeze()
    (place,) = seen.placements
    assert place.key.pool.startswith("g6-xlarge-") and len(place.key.pool) <= 20
    assert sorted((p.name == "g6-xlarge", p.made) for p in seen.pools) == [(False, True), (True, False)]


async def test_its_pods_are_read_by_its_page_and_pay_their_share() -> None:
    stage = standing()
    await stage.look()
    pods = stage.world.pods()
    assert [pod.name for pod in pods] == ["chat-1", "chat-2"]
    assert all(pod.serving and pod.readable and pod.page is not None and pod.page.profile == "vllm" for pod in pods)
    assert all(pod.cpu_limit is None for pod in pods), "nobody knows how much of the processor they may use"
    nodes = stage.world.paid_nodes(pods)
    assert {node.pool for node in nodes} == {"g6-xlarge"}
    assert [len(node.pods) for node in nodes] == [1, 1]
    assert all(stage.world.is_own(pod) for pod in stage.pods), "they are nobody else's pods"


async def test_devices_by_claims_are_paid_for_like_those_that_containers_ask_for() -> None:
    asking, claiming = standing(), standing(nvidia_com__gpu="0")
    claiming.classes = [{"metadata": {"name": "gpu"}, "spec": {"extendedResourceName": "nvidia.com/gpu"}}]
    await claiming.look()
    assert not {"resourceclaims", "deviceclasses"} & {plural for plural, _ in claiming.asked}, "who has no claims pays for no question"
    for number in (1, 2):
        uid, versions = f"u-chat-{number}", claiming.pods[number - 1]["metadata"]
        claiming.pods[number - 1]["spec"]["resourceClaims"] = [{"name": "gpu", "resourceClaimName": f"c{number}"}]
        versions["resourceVersion"] = f"9{number}"
        requests = [{"name": "gpu", "exactly": {"deviceClassName": "gpu"}}]
        results = [{"request": "gpu", "driver": "d", "pool": f"n{number}", "device": "0"}]
        claiming.claims.append(
            {
                "metadata": {"name": f"c{number}", "namespace": "team"},
                "spec": {"devices": {"requests": requests}},
                "status": {"allocation": {"devices": {"results": results}}, "reservedFor": [{"resource": "pods", "uid": uid, "name": uid}]},
            }
        )
    await claiming.look()
    await asking.look()
    asked, held = ([(pod.resources, pod.cost_per_hour) for pod in stage.world.pods()] for stage in (asking, claiming))
    assert held == asked
    assert [resources.devices for resources, _ in held] == [1.0, 1.0]


async def test_which_alternative_of_a_claim_a_replica_got_is_known_by_its_pool_and_one_that_nobody_got_by_none() -> None:
    stage = standing(nvidia_com__gpu="0")
    stage.node("n2", "g5.xlarge", **GPU)
    stage.classes = [{"metadata": {"name": "gpu"}, "spec": {"extendedResourceName": "nvidia.com/gpu"}}]
    alternatives = [{"name": name, "deviceClassName": "gpu"} for name in ("big", "small", "old")]
    for number, got in ((1, "big"), (2, "small")):
        stage.pods[number - 1]["spec"]["resourceClaims"] = [{"name": "gpu", "resourceClaimTemplateName": "gpu"}]
        stage.claims.append(
            {
                "metadata": {"name": f"c{number}", "namespace": "team", "annotations": {"resource.kubernetes.io/pod-claim-name": "gpu"}},
                "spec": {"devices": {"requests": [{"name": "any", "firstAvailable": alternatives}]}},
                "status": {
                    "allocation": {"devices": {"results": [{"request": f"any/{got}", "driver": "d", "pool": f"n{number}", "device": "0"}]}},
                    "reservedFor": [{"resource": "pods", "uid": f"u-chat-{number}", "name": f"chat-{number}"}],
                },
            }
        )
    await stage.look()
    found = stage.freeze().found
    assert found is not None
    assert found.orders == (
        DeviceOrder(claim="the pods' claim gpu", request="any", alternatives=(("big", "g6-xlarge"), ("small", "g5-xlarge"), ("old", None))),
    )


async def test_a_node_of_a_pool_that_nobody_wrote_is_paid_until_it_is_gone() -> None:
    stage = standing()
    await stage.look()
    stage.world.paid_nodes(stage.world.pods())
    node = stage.store.get(NODES.key(None, "n2"))
    assert node is not None
    stage.store.observe(NODES, "DELETED", node)
    stage.world.node_left(node, NOW)
    await stage.look()
    stage.freeze()
    paid = {fact.name: fact for fact in stage.world.paid_nodes(stage.world.pods())}
    assert (paid["n2"].pool, paid["n2"].terminated) == ("g6-xlarge", NOW)
    assert paid["n1"].terminated is None
    assert {fact.name for fact in stage.world.paid_nodes(stage.world.pods())} == {"n1"}


async def test_a_node_of_the_type_without_such_a_pod_is_nobodys() -> None:
    stage = standing()
    stage.node("idle", "g6.xlarge", **GPU)
    await stage.look()
    assert {node.name for node in stage.world.paid_nodes(stage.world.pods())} == {"n1", "n2"}


@pytest.mark.parametrize(
    ("kind", "labels", "why"),
    [
        ("m99.huge", {}, "the catalogue has no price of m99.huge"),
        ("g6.xlarge", {"karpenter.sh/capacity-type": "spot"}, "what spot nodes of type g6.xlarge cost is not known"),
        (None, {}, "have no label node.kubernetes.io/instance-type"),
    ],
)
async def test_what_nobody_knows_the_price_of_is_unknown_and_says_what_to_add(kind: str | None, labels: dict[str, str], why: str) -> None:
    stage = Stage()
    stage.workload()
    stage.deployment(1)
    stage.node("n1", kind, labels=labels)
    stage.pod("chat-1", "n1")
    await stage.look()
    (pool,) = stage.freeze().pools
    assert pool.shapes[0].price is None
    assert why in made_without_price(pool)
    assert "create" in made_without_price(pool)
    assert [pod.cost_per_hour for pod in stage.world.pods()] == [None]


async def test_what_requests_nothing_is_not_free() -> None:
    stage = Stage()
    stage.workload()
    stage.deployment(1)
    stage.node("n1", "m7i.xlarge")
    stage.pod("chat-1", "n1")["spec"]["containers"] = [{"name": "server"}]
    await stage.look()
    found = stage.freeze().found
    assert found is not None and found.refusal is not None
    assert found.refusal.reason is Reason.PRICE_SUSPECT
    assert "resources.requests" in found.refusal.message
    assert [pod.cost_per_hour for pod in stage.world.pods()] == [None]


@pytest.mark.parametrize(
    ("kind", "spot", "name"),
    [
        ("g6.xlarge", False, "g6-xlarge"),
        ("g6.xlarge", True, "g6-xlarge-spot"),
        ("Standard_NC24ads_A100_v4", False, "standard-nc24-"),
        ("", False, "unknown"),
        ("2xlarge", False, "type-"),
    ],
)
def test_a_pool_that_nobody_wrote_has_a_name_that_a_pool_may_have(kind: str, spot: bool, name: str) -> None:
    found = pool_name(kind, spot=spot)
    assert found.startswith(name) and len(found) <= 20 and re.fullmatch("[a-z]([-a-z0-9]*[a-z0-9])?", found)
    assert pool_name(f"{kind}x", spot=spot) != found


# --- what is not there ------------------------------------------------------------------------------------------------------------------


async def test_before_the_first_look_nothing_is_said() -> None:
    stage = standing()
    assert stage.freeze().found is None
    assert stage.freeze().placements == ()


async def test_an_object_that_is_not_there_says_so_and_is_looked_for_again() -> None:
    stage = Stage()
    stage.workload()
    assert await stage.look() == [KEY]
    found = stage.freeze().found
    assert found is not None and found.refusal is not None
    assert found.refusal.reason is Reason.EXISTING_MISSING
    assert "there is no Deployment chat in namespace team" in found.refusal.message
    assert await stage.look() == [], "it is still not there: no news"
    stage.deployment(0)
    assert await stage.look() == [KEY]
    again = stage.freeze().found
    assert again is not None and again.refusal is not None
    assert again.refusal.reason is Reason.NO_REPLICAS


async def test_a_pod_or_an_object_that_cannot_be_read_is_that_ones_alone() -> None:
    stage = standing()
    stage.workload("other", name="odd")
    stage.objects["Deployment", "odd"] = {"metadata": {"name": "odd", "namespace": "team", "uid": "u-odd"}, "spec": {"selector": ["?"]}}
    stage.pods[0]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "many"
    await stage.look()
    assert [pod.name for pod in stage.world.pods()] == ["chat-2"]
    odd = stage.freeze("other").found
    assert odd is not None and odd.refusal is not None
    assert "Deployment odd cannot be read" in odd.refusal.message


async def test_a_look_that_fails_leaves_what_was_found() -> None:
    stage = standing()
    await stage.look()
    stage.fails = ServerError("etcd is gone", status=500)
    assert await stage.look() == []
    assert len(stage.freeze().placements) == 1


async def test_what_is_steelyards_own_or_another_workloads_is_not_measured_twice() -> None:
    stage = standing()
    stage.workload("again", created="2026-01-05T09:00:00Z")
    await stage.look()
    later = stage.freeze("again").found
    assert later is not None and later.refusal is not None
    assert "is measured by InferenceWorkload chat already" in later.refusal.message
    assert [(pod.name, pod.workload.name) for pod in stage.world.pods()] == [("chat-1", "chat"), ("chat-2", "chat")]
    owner = {"apiVersion": "steelyard.dev/v1alpha1", "kind": "InferenceWorkload", "name": "other", "uid": "u", "controller": True}
    stage.deployment(2, ownerReferences=[owner])
    await stage.look()
    ours = stage.freeze().found
    assert ours is not None and ours.refusal is not None
    assert "is Steelyard's own, made for InferenceWorkload other" in ours.refusal.message


async def test_pods_that_only_carry_its_labels_are_not_its_pods() -> None:
    stage = standing()
    stage.pod("guest", "n1", owner={"kind": "ReplicaSet", "name": f"other-{'6b9df'}", "uid": "u-o"})
    await stage.look()
    assert [pod.name for pod in stage.world.pods()] == ["chat-1", "chat-2"]


async def test_replicas_without_a_node_are_missing_where_most_are() -> None:
    stage = standing()
    stage.deployment(3)
    waits = stage.pod("chat-3", None, ready=False)
    waits["status"]["conditions"] = [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "lastTransitionTime": "2026-01-05T07:30:00Z"}
    ]
    await stage.look()
    (place,) = stage.freeze().placements
    assert (place.desired, place.ready, place.pods, place.unplaced) == (3, 2, 3, 1)
    assert "has room for a replica" in place.unplaced_message


async def test_one_whose_pods_are_all_in_a_queue_is_said_to_wait_for_quota() -> None:
    stage = Stage()
    stage.workload()
    stage.deployment(1)
    waits = stage.pod("chat-1", None, ready=False)
    waits["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] = "team-a"
    waits["spec"]["schedulingGates"] = [{"name": "kueue.x-k8s.io/admission"}]
    await stage.look()
    found = stage.freeze().found
    assert found is not None and found.refusal is not None
    assert found.refusal.reason is Reason.WAITING_FOR_QUOTA
    assert found.refusal.message.startswith("pods of Deployment chat wait for quota of LocalQueue team-a")


async def test_another_template_or_another_promise_is_another_revision() -> None:
    stage = standing()
    await stage.look()
    (before,) = stage.freeze().placements
    stage.pods[1]["metadata"]["labels"]["pod-template-hash"] = "77777"
    stage.pods[1]["metadata"]["ownerReferences"][0]["name"] = "chat-77777"
    stage.pods[1]["metadata"]["resourceVersion"] = "900"
    assert await stage.look() == [KEY]
    after = stage.freeze().placements
    assert len(after) == 2 and before.key in {p.key for p in after}


# --- other kinds ------------------------------------------------------------------------------------------------------------------------


async def test_a_group_is_a_replica_whose_leader_is_read_and_whose_workers_cost() -> None:
    stage = Stage()
    stage.workload(kind="LeaderWorkerSet")
    stage.objects["LeaderWorkerSet", "chat"] = {
        "metadata": {"name": "chat", "namespace": "team", "uid": "u-lws"},
        "spec": {"replicas": 1, "leaderWorkerTemplate": {"size": 2}},
    }
    for n in (1, 2):
        stage.node(f"n{n}", "g6.xlarge", **GPU)
        part = {
            "leaderworkerset.sigs.k8s.io/name": "chat",
            "leaderworkerset.sigs.k8s.io/group-index": "0",
            "leaderworkerset.sigs.k8s.io/worker-index": str(n - 1),
        }
        stage.pod(f"chat-0-{n}", f"n{n}", labels=part, owner={"kind": "StatefulSet", "name": "chat", "uid": "u-s"}, **GPU)
    await stage.look()
    (place,) = stage.freeze().placements
    assert (place.desired, place.ready) == (1, 1)
    leader, worker = stage.world.pods()
    assert (leader.serving, leader.readable, worker.serving, worker.readable) == (True, True, False, False)
    assert worker.cost_per_hour == leader.cost_per_hour
    found = stage.freeze().found
    assert found is not None and found.resources.devices == 2.0
    assert place.key == leader.placement == worker.placement


async def test_an_inference_services_predictor_is_read_and_all_of_its_pods_cost() -> None:
    stage = Stage()
    stage.workload(kind="InferenceService")
    stage.objects["InferenceService", "chat"] = {"metadata": {"name": "chat", "namespace": "team", "uid": "u-i"}, "spec": {"predictor": {}}}
    stage.node("n1", "m7i.xlarge")
    for component in ("predictor", "transformer"):
        stage.pod(component, "n1", labels={"serving.kserve.io/inferenceservice": "chat", "component": component})
    await stage.look()
    (place,) = stage.freeze().placements
    assert (place.desired, place.ready) == (1, 1)
    assert [(pod.name, pod.serving) for pod in stage.world.pods()] == [("predictor", True), ("transformer", False)]


async def test_a_stateful_sets_pods_are_those_that_it_owns() -> None:
    stage = Stage()
    stage.workload(kind="StatefulSet")
    stage.objects["StatefulSet", "chat"] = {
        "metadata": {"name": "chat", "namespace": "team", "uid": "u-s"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "chat"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]}},
    }
    stage.node("n1", "m7i.xlarge")
    stage.pod("chat-0", "n1", owner={"kind": "StatefulSet", "name": "chat", "uid": "u-s"})
    stage.pod("chat-x", "n1", owner={"kind": "StatefulSet", "name": "chat", "uid": "u-other"})
    await stage.look()
    assert [pod.name for pod in stage.world.pods()] == ["chat-0"]
    assert ("pods", "app=chat,tier") in stage.asked


async def test_of_many_each_has_its_turn() -> None:
    stage = Stage()
    for number in range(A_ROUND + 10):
        stage.workload(f"w{number:03d}", name=f"d{number:03d}")
    await stage.look()
    first = {name for plural, name in stage.asked if plural == "deployments"}
    stage.asked.clear()
    await stage.look()
    second = {name for plural, name in stage.asked if plural == "deployments"}
    assert (len(first), len(second), len(first | second)) == (A_ROUND, A_ROUND, A_ROUND + 10)
