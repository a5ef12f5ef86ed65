"""A workload's InferencePools: what is read of them, and their way to the cluster."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from steelyard.control.gather.inference_pool_facts import refusals_of
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import DEPLOYMENTS, HTTP_ROUTES, INFERENCE_POOLS, INFERENCE_WORKLOADS
from steelyard.core.facts.route import Route, RouteParent
from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.vocabulary.reading import Unknown
from steelyard.core.vocabulary.reason import Reason
from unit.api import objects
from unit.control.reconciler_stage import KEY, Stage, serving_too_few, standing
from unit.control.test_hostile_objects import CALLED, LABELS, POOL, Cluster
from unit.control.test_route_facts import ACCEPTED, RESOLVED, condition, entry
from unit.control.test_scale_targets import CHAT
from unit.control.virtual_time import ManualClock, VirtualClock, run
from unit.core.test_picked import PER_POOL, SHARED
from unit.core.test_routed import ROUTING

POOL_NAME = f"chat-{POOL}"
PENDING = condition("Accepted", "Unknown", "Pending", "Waiting for controller")


def pool(*parents: Manifest, owner: str = "u-chat", called: str = POOL_NAME) -> Manifest:
    controller = {"kind": "InferenceWorkload", "name": "chat", "uid": owner, "controller": True}
    meta = {"name": called, "namespace": "shop", "uid": f"u-{called}", "ownerReferences": [controller]}
    return {"metadata": meta, "spec": {}, "status": {"parents": list(parents)}}


def test_parents_speak_of_an_inference_pool_by_gateway_and_not_by_listener() -> None:
    listeners = (RouteParent(name="models", section="http"), RouteParent(name="models", port=443))
    assert refusals_of(pool(entry(ACCEPTED, RESOLVED)), listeners) == ()
    (refusal,) = refusals_of(pool(), listeners)
    assert refusal.reason is Reason.INFERENCE_POOL_NOT_ACCEPTED
    assert f"Gateway models has said nothing of InferencePool {POOL_NAME}" in refusal.message


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            [condition("Accepted", "False", "NotSupportedByParent", "no such backends")],
            "does not accept InferencePool {} (NotSupportedByParent): no such backends",
        ),
        ([PENDING], "does not accept InferencePool {} (Pending): Waiting for controller"),
        (
            [ACCEPTED, condition("ResolvedRefs", "False", "InvalidExtensionRef", "service picker not found")],
            "does not find what InferencePool {} refers to (InvalidExtensionRef): service picker not found",
        ),
    ],
)
def test_what_a_gateway_says_against_one_is_told_in_its_words(said: list[Manifest], words: str) -> None:
    (refusal,) = refusals_of(pool(entry(*said)), ROUTING.parents)
    assert words.format(POOL_NAME) in refusal.message


def test_each_gateway_has_to_accept() -> None:
    both = (*ROUTING.parents, RouteParent(name="models", namespace="gateways"))
    assert len(refusals_of(pool(entry(ACCEPTED)), both)) == 1
    assert refusals_of(pool(entry(ACCEPTED), entry(ACCEPTED, namespace="gateways")), both) == ()


def asking(*, extent: str = "PerPool", served: bool = True) -> Cluster:
    """A workload that asks for InferencePools, with its Deployment and a route that names one."""
    cluster = Cluster()
    cluster.world = SnapshotBuilder(
        cluster.store,
        cluster.world.settings,
        lambda *_: Unknown(""),
        synced=lambda: True,
        clock_suspect=lambda: False,
        reader=cluster.reader,
        inference_pools_served=served,
    )
    raw = objects.workload()
    raw["metadata"] = {"name": "chat", "namespace": "shop", "uid": "u-chat", "generation": 2}
    asked = {"extent": extent, "endpointPickerRef": {"name": "picker"}}
    raw["spec"]["traffic"] = {"parentRefs": [{"name": "models"}], "inferencePools": asked}
    cluster.put(INFERENCE_WORKLOADS, raw, "MODIFIED")
    called = POOL_NAME if extent == "PerPool" else "chat"
    backends = [{"name": CALLED, "weight": 400}, {"kind": "InferencePool", "name": called, "weight": 600}]
    cluster.put(HTTP_ROUTES, {**pool(entry(ACCEPTED, RESOLVED), called="chat"), "spec": {"rules": [{"backendRefs": backends}]}})
    return cluster


def seen(cluster: Cluster) -> tuple[Snapshot, Route]:
    found = cluster.world.freeze(CHAT, ManualClock().now())
    assert isinstance(found, Snapshot)
    assert found.route is not None
    return found, found.route


@pytest.mark.parametrize(("extent", "called", "of"), [("PerPool", POOL_NAME, POOL), ("Shared", "chat", "")])
def test_one_that_is_the_workloads_own_and_that_all_parents_accept_is_accepted(extent: str, called: str, of: str) -> None:
    cluster = asking(extent=extent)
    _, route = seen(cluster)
    assert route.accepted == ()
    assert f"InferencePool {called} is being made" in str(route.not_picked)
    cluster.put(INFERENCE_POOLS, pool(called=called))
    assert "has said nothing" in str(seen(cluster)[1].not_picked)
    cluster.put(INFERENCE_POOLS, pool(entry(ACCEPTED, RESOLVED), called=called), "MODIFIED")
    _, route = seen(cluster)
    assert (route.accepted, route.not_picked) == ((of,), None)
    assert sum(route.weights.values()) == 1000


@pytest.mark.parametrize(("weight", "accepted"), [(0, (POOL,)), (100, ())])
def test_none_gets_requests_while_one_whose_placements_do_is_not_accepted(weight: int, accepted: tuple[str, ...]) -> None:
    cluster = asking()
    other = cluster.deployment("u-chat")
    labels = {**LABELS, "steelyard.dev/pool": "other"}
    cluster.put(DEPLOYMENTS, {**other, "metadata": {**other["metadata"], "name": "chat-other", "uid": "u-2", "labels": labels}})
    backends = [{"kind": "InferencePool", "name": POOL_NAME, "weight": 1000}, {"name": "chat-other", "weight": weight}]
    made = {**pool(entry(ACCEPTED, RESOLVED), called="chat"), "spec": {"rules": [{"backendRefs": backends}]}}
    cluster.put(HTTP_ROUTES, made, "MODIFIED")
    cluster.put(INFERENCE_POOLS, pool(entry(ACCEPTED, RESOLVED)))
    snapshot, route = seen(cluster)
    assert route.accepted == (POOL,)
    assert tuple(backend for place in snapshot.placements if (backend := snapshot.backend(place.key)) == POOL) == accepted
    assert "InferencePool chat-other is being made" in str(route.not_picked)


def test_one_that_is_somebody_elses_is_not_accepted_whatever_is_said_of_it() -> None:
    cluster = asking()
    cluster.put(INFERENCE_POOLS, pool(entry(ACCEPTED, RESOLVED), owner="u-other"))
    assert seen(cluster)[1].accepted == ()


def test_one_that_cannot_be_read_is_not_accepted_and_is_told() -> None:
    cluster = asking()
    cluster.put(INFERENCE_POOLS, pool(entry({**ACCEPTED, "observedGeneration": "many"})))
    _, route = seen(cluster)
    assert "cannot be read" in str(route.not_picked)
    assert [called for called, _ in cluster.told] == [POOL_NAME]


def test_without_the_kind_services_are_the_backends_and_the_hold_says_what_to_install() -> None:
    found, route = seen(asking(served=False))
    assert found.workload.routing is not None
    assert found.workload.routing.pools is None
    assert route.not_picked is not None
    assert route.not_picked.reason is Reason.NO_INFERENCE_POOLS
    assert "install the definitions of the Gateway API Inference Extension" in route.not_picked.message


class Asking:
    """What a staged workload asks for."""

    def __init__(self) -> None:
        self.stage = Stage(serving_too_few(), VirtualClock())
        standing(self.stage)
        self.pools: Any = PER_POOL
        plain = self.stage.world.snapshot

        def snapshot() -> Snapshot:
            found = plain()
            routing = replace(ROUTING, pools=self.pools)
            refused = self.stage.reconciler._refusals.told(self.stage.server.workload)
            return replace(found, workload=replace(found.workload, routing=routing), route=Route(weights={}), refused=refused)

        self.stage.world.snapshot = snapshot  # type: ignore[method-assign]


def test_it_is_made_before_the_route_that_names_it_and_at_rest_it_is_not_written_again() -> None:
    async def scenario() -> None:
        stage = Asking().stage
        await stage.work(120)
        writes = [plural for _, _, plural in stage.server.asked if plural in {"inferencepools", "httproutes"}]
        assert writes == ["inferencepools", "httproutes"]

    run(scenario())


def test_those_that_are_not_asked_for_any_more_are_removed() -> None:
    async def scenario() -> None:
        asking = Asking()
        await asking.stage.work(60)
        asking.pools = SHARED
        await asking.stage.work(30)
        assert [name for name, _ in asking.stage.server.deleted] == ["embed-a"]
        asking.pools = None
        await asking.stage.work(30)
        assert [name for name, _ in asking.stage.server.deleted] == ["embed-a", "embed"]
        assert asking.stage.store.get(HTTP_ROUTES.key(*KEY)) is not None

    run(scenario())


def test_one_of_that_name_that_is_somebody_elses_is_told_and_never_written() -> None:
    async def scenario() -> None:
        stage = Asking().stage
        stage.server.taken_names.add(("inferencepools", "embed-a"))
        await stage.work(120)
        assert stage.server.taken["create", "inferencepools"] == stage.server.taken["apply", "inferencepools"] == 0
        assert stage.server.condition("Held")["reason"] == "InferencePoolTaken"

    run(scenario())
