"""ScaleTargets on their way to the cluster and back: made once with what stands, their replicas never written again, read only where they are ours."""

from __future__ import annotations

from typing import Any

import pytest

from steelyard.api.parse import parse
from steelyard.api.scale_target import ScaleTarget
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import DEPLOYMENTS, INFERENCE_WORKLOADS, SCALE_TARGETS
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.snapshot import Owner, Scaling, Snapshot
from steelyard.core.placing.intent import ScaleTargetIntent
from steelyard.render.scale_target import scale_target
from unit.api import objects
from unit.control.reconciler_stage import KEY, Stage, serving_too_few, standing
from unit.control.test_hostile_objects import CALLED, LABELS, POOL, Cluster
from unit.control.virtual_time import ManualClock, VirtualClock, run

CHAT = WorkloadKey("shop", "chat")


def external(stage: Stage) -> None:
    stage.world.scaling = Scaling(owner=Owner.EXTERNAL)


def asked(stage: Stage) -> dict[str, int]:
    return {name: each["spec"]["replicas"] for name, each in stage.server.scale_targets.items()}


def test_it_is_an_object_that_the_api_takes_owned_by_the_workload_and_its_selector_is_of_all_revisions() -> None:
    manifest = scale_target(CHAT, "u-1", "gpu", ScaleTargetIntent(first=2, pods=3, ready=1))
    parsed = parse(ScaleTarget, manifest)
    assert isinstance(parsed, ScaleTarget), parsed
    assert (manifest["metadata"]["name"], parsed.spec.replicas) == ("chat.gpu", 2)
    assert (parsed.status.replicas, parsed.status.ready_replicas) == (3, 1)
    assert parsed.status.selector == "steelyard.dev/pool=gpu,steelyard.dev/role=serving,steelyard.dev/workload=chat"
    (owner,) = manifest["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("InferenceWorkload", "u-1", True)


def test_it_is_made_with_what_stands_and_only_its_status_is_written_after_that() -> None:
    async def scenario() -> None:
        stage = Stage(serving_too_few(), VirtualClock())
        standing(stage)
        external(stage)
        await stage.work(60)
        assert asked(stage) == {"embed.a": 1}
        assert stage.server.taken["create", "scaletargets"] == 1
        assert stage.server.scale_targets["embed.a"]["status"] == {
            "replicas": 1,
            "readyReplicas": 1,
            "selector": "steelyard.dev/pool=a,steelyard.dev/role=serving,steelyard.dev/workload=embed",
        }
        await stage.work(300)
        assert stage.server.taken["patch_status", "scaletargets"] == 1, "at rest nothing is written"
        assert not stage.server.scaled, "and no load makes it write replicas"

    run(scenario())


def test_what_is_asked_for_is_written_to_the_deployment() -> None:
    async def scenario() -> None:
        stage = Stage(serving_too_few(), VirtualClock())
        standing(stage)
        external(stage)
        stage.world.scale_targets = {"a": 5}
        await stage.reconciler.reconcile(KEY)
        assert stage.server.scaled == [stage.called(KEY, next(iter(stage.world.deployments)))]

    run(scenario())


def test_where_steelyard_sizes_there_is_none_and_one_that_stands_is_removed() -> None:
    async def scenario() -> None:
        stage = Stage(serving_too_few(), VirtualClock())
        standing(stage)
        await stage.work(30)
        assert not stage.server.scale_targets
        external(stage)
        await stage.work(30)
        assert asked(stage) == {"embed.a": 1}
        stage.world.scaling = Scaling()
        await stage.work(30)
        assert [name for name, _ in stage.server.deleted] == ["embed.a"]

    run(scenario())


def owned(uid: str, replicas: Any = 4, pool: str = POOL) -> Manifest:
    owner = {"kind": "InferenceWorkload", "name": "chat", "uid": uid, "controller": True}
    meta = {"name": f"chat.{pool}", "namespace": "shop", "uid": f"u-{uid}-{pool}", "ownerReferences": [owner]}
    return {"metadata": meta, "spec": {"workloadName": "chat", "pool": pool, "replicas": replicas}}


def seen(cluster: Cluster) -> Snapshot:
    found = cluster.world.freeze(CHAT, ManualClock().now())
    assert isinstance(found, Snapshot)
    return found


@pytest.fixture
def cluster() -> Cluster:
    made = Cluster()
    raw = objects.workload()
    raw["metadata"] = {"name": "chat", "namespace": "shop", "uid": "u-chat", "generation": 2}
    raw["spec"] |= {"scaling": {"owner": "External"}}
    made.put(INFERENCE_WORKLOADS, raw, "MODIFIED")
    return made


def test_what_the_workloads_own_ask_for_is_read(cluster: Cluster) -> None:
    assert seen(cluster).scale_targets == {}
    cluster.put(SCALE_TARGETS, owned("u-chat"))
    assert seen(cluster).scale_targets == {POOL: 4}


@pytest.mark.parametrize(
    "target",
    [owned("u-other"), {**owned("u-chat"), "spec": {}}, owned("u-chat", "many"), owned("u-chat", None)],
    ids=["of another workload", "without a spec", "in words", "without replicas"],
)
def test_one_that_is_not_ours_or_cannot_be_read_asks_for_nothing_and_hides_no_other(cluster: Cluster, target: Manifest) -> None:
    cluster.put(SCALE_TARGETS, target)
    cluster.put(SCALE_TARGETS, owned("u-chat", 2, "other"))
    assert seen(cluster).scale_targets == {"other": 2}


def test_an_autoscaler_on_a_deployment_is_who_writes_its_replicas_and_one_that_goes_is_not_remembered(cluster: Cluster) -> None:
    named: dict[tuple[str, str], str] = {}
    world = SnapshotBuilder(
        cluster.store,
        cluster.world.settings,
        lambda *_: None,  # type: ignore[arg-type, return-value]
        synced=lambda: True,
        clock_suspect=lambda: False,
        reader=cluster.reader,
        autoscaler_of=lambda *where: named.get(where),
    )
    workload = world.workload(CHAT)

    def owner() -> str | None:
        (place,) = world.placements(workload, ManualClock().now())  # type: ignore[arg-type]
        return place.replicas_owner

    assert (LABELS["steelyard.dev/workload"], cluster.store.count(DEPLOYMENTS)) == ("chat", 1)
    assert owner() is None
    named["shop", CALLED] = "HorizontalPodAutoscaler chat"
    assert owner() == "HorizontalPodAutoscaler chat"
    named.clear()
    assert owner() is None
