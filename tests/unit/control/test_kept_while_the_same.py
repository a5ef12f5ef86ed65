"""What was made of objects is kept while they are the same, and whatever becomes different is seen at the next look or round."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import ACCELERATOR_POOLS, DEPLOYMENTS, INFERENCE_WORKLOADS, NODES, PODS
from steelyard.core.economics.ledger import Component, NodeFact
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.snapshot import Placement
from steelyard.core.vocabulary.reason import Reason
from unit.control.fleet_stage import REVISION, Fleet
from unit.core.world import START

KEY = WorkloadKey("ns000", "chat")
Change = Callable[[Fleet], None]


def edited(fleet: Fleet, resource: Any, namespace: str | None, called: str, **parts: Manifest) -> None:
    """Parts of it replaced, those of its metadata one by one."""
    found = fleet.store.get(resource.key(namespace, called))
    assert found is not None
    meta = {**found["metadata"], **parts.pop("metadata", {})}
    fleet.put(resource, {**found, **parts, "metadata": meta}, "MODIFIED")


def gone(fleet: Fleet, resource: Any, namespace: str | None, called: str) -> None:
    found = fleet.store.get(resource.key(namespace, called))
    assert found is not None
    fleet.put(resource, found, "DELETED")


def pod_is(fleet: Fleet, ready: str, **spec: Any) -> None:
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}
    edited(fleet, PODS, "ns000", "chat-0", status=status, spec={"nodeName": "n-ns000", "containers": [{"name": "server"}], **spec})


def node_is(fleet: Fleet, ready: str) -> None:
    edited(fleet, NODES, None, "n-ns000", status={"conditions": [{"type": "Ready", "status": ready}]})


def pool_costs(fleet: Fleet, price: str) -> None:
    (pool,) = fleet.store.all(ACCELERATOR_POOLS)
    (shape,) = pool["spec"]["shapes"]
    spec = {**pool["spec"], "shapes": [{**shape, "pricePerHour": price}]}
    edited(fleet, ACCELERATOR_POOLS, None, fleet.pool, metadata={"generation": 2}, spec=spec)


def adds_a_pod(fleet: Fleet) -> None:
    found = fleet.store.get(PODS.key("ns000", "chat-0"))
    assert found is not None
    fleet.put(PODS, {**found, "metadata": {**found["metadata"], "name": "chat-2", "uid": "u-p-2"}})


def begins_a_move(fleet: Fleet) -> None:
    at = "2026-01-01T00:00:00Z"
    ends = {"from": "other", "fromRevision": REVISION, "to": fleet.pool, "toRevision": REVISION}
    replicas = {"sourceReplicas": 1, "targetReplicas": 1, "targetGoal": 1, "sourceGoal": 0, "targetBase": 0}
    told = {"id": "m", "kind": "Rebalance", "step": "Surge", "startedTime": at, "stepTime": at, "deadlineTime": at, "reason": "r"}
    edited(fleet, INFERENCE_WORKLOADS, "ns000", "chat", status={"move": {**ends, **replicas, **told, "message": ""}})


def scaled_by_somebody(fleet: Fleet) -> None:
    entry = {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    edited(fleet, DEPLOYMENTS, "ns000", f"chat-{fleet.pool}-{REVISION}", metadata={"managedFields": [entry]})


LOOKS: dict[str, Change] = {
    "a pod becomes unready": lambda fleet: pod_is(fleet, "False"),
    "a pod goes": lambda fleet: gone(fleet, PODS, "ns000", "chat-0"),
    "a pod comes": adds_a_pod,
    "a node is lost": lambda fleet: node_is(fleet, "False"),
    "its Deployment is edited": lambda fleet: fleet.put(DEPLOYMENTS, fleet.deployment("ns000", 5), "MODIFIED"),
    "its Deployment is scaled by somebody else": scaled_by_somebody,
    "its Deployment goes": lambda fleet: gone(fleet, DEPLOYMENTS, "ns000", f"chat-{fleet.pool}-{REVISION}"),
    "another one's Deployment is edited": lambda fleet: fleet.put(DEPLOYMENTS, fleet.deployment("ns001", 6), "MODIFIED"),
    "the pool is edited": lambda fleet: pool_costs(fleet, "9.5"),
    "a move begins": begins_a_move,
}
ROUNDS: dict[str, Change] = {
    "a pod asks for more": lambda fleet: pod_is(fleet, "True", containers=[{"resources": {"requests": {"cpu": "2"}}}]),
    "a pod goes": lambda fleet: gone(fleet, PODS, "ns000", "chat-0"),
    "a pod comes": adds_a_pod,
    "a node is of another pool": lambda fleet: edited(fleet, NODES, None, "n-ns000", metadata={"labels": {}}),
    "a node is named by its provider": lambda fleet: edited(fleet, NODES, None, "n-empty", spec={"providerID": "i-1"}),
    "a node goes": lambda fleet: gone(fleet, NODES, None, "n-ns000"),
    "the pool is edited": lambda fleet: pool_costs(fleet, "9.5"),
    "a move begins": begins_a_move,
}


def paid(fleet: Fleet) -> tuple[NodeFact, ...]:
    return fleet.world.paid_nodes(fleet.world.pods())


def all_of(fleet: Fleet) -> object:
    """A look, with what is left out where two are compared."""
    found = fleet.look()
    return found, [pool.held_nodes for pool in found.pools]


@pytest.mark.parametrize("change", LOOKS.values(), ids=LOOKS)
def test_the_next_look_sees_what_became_different(change: Change) -> None:
    fleet = Fleet(2)
    before = all_of(fleet)
    assert all_of(fleet) == before
    change(fleet)
    after = all_of(fleet)
    assert after != before
    fleet.world = fleet.gathering()
    assert after == all_of(fleet)


@pytest.mark.parametrize("change", ROUNDS.values(), ids=ROUNDS)
def test_the_next_round_pays_what_became_different(change: Change) -> None:
    fleet = Fleet(2)
    empty = fleet.store.get(NODES.key(None, "n-ns000"))
    assert empty is not None
    fleet.put(NODES, {**empty, "metadata": {**empty["metadata"], "name": "n-empty", "uid": "u-n-empty"}})
    before = paid(fleet)
    assert paid(fleet) == before
    change(fleet)
    after = paid(fleet)
    assert after != before
    fleet.world = fleet.gathering()
    assert after == paid(fleet)


def test_at_rest_a_look_and_a_round_give_the_very_same_objects() -> None:
    fleet = Fleet(2)
    first, second = fleet.look(), fleet.look()
    assert second.placements is first.placements and second.pools[0] is first.pools[0]
    assert all(one is other for one, other in zip(paid(fleet), paid(fleet), strict=True))


def test_what_a_pod_waits_for_is_found_with_time() -> None:
    fleet = Fleet(1)
    told = [("PodScheduled", "True"), ("PodReadyToStartContainers", "False"), ("Ready", "False")]
    at = f"{START:%Y-%m-%dT%H:%M:%SZ}"
    conditions = [{"type": kind, "status": status, "lastTransitionTime": at} for kind, status in told]
    spec = {"nodeName": "n-ns000", "containers": [{"name": "server"}], "volumes": [{"name": "s", "secret": {"secretName": "s"}}]}
    edited(fleet, PODS, "ns000", "chat-0", status={"phase": "Pending", "conditions": conditions}, spec=spec)
    assert placement(fleet, 0).trouble is None
    wrong = placement(fleet, 120).trouble
    assert wrong is not None and wrong.reason is Reason.CONTAINER_NOT_CREATED


def placement(fleet: Fleet, seconds: int) -> Placement:
    workload = fleet.look().workload
    (found,) = fleet.world.placements(workload, START + timedelta(seconds=seconds))
    assert found.key == PlacementKey(fleet.pool, REVISION)
    return found


def test_what_only_a_move_needs_is_booked_as_such_from_its_first_round_and_no_longer_than_it_lasts() -> None:
    fleet = Fleet(2)
    assert of_pods(fleet) == {Component.ALLOCATED}
    begins_a_move(fleet)
    assert of_pods(fleet) == {Component.TRANSITION, Component.ALLOCATED}
    edited(fleet, INFERENCE_WORKLOADS, "ns000", "chat", status={})
    assert of_pods(fleet) == {Component.ALLOCATED}


def of_pods(fleet: Fleet) -> set[Component]:
    return {pod.account.component for node in paid(fleet) for pod in node.pods}


def test_of_a_workload_that_is_gone_nothing_is_kept() -> None:
    fleet = Fleet(2)
    fleet.look()
    gone(fleet, INFERENCE_WORKLOADS, "ns000", "chat")
    paid(fleet)
    assert "u-ns000" not in fleet.world._placed.keys() | fleet.world._beside.keys()
    gone(fleet, NODES, None, "n-ns000")
    paid(fleet)
    assert list(fleet.world._paid) == ["n-ns001"]
