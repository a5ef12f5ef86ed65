"""Pods that a move depends on are left alone by autoscalers while it does, and no longer; nobody else's are touched."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from steelyard.control.kube.errors import ApiError, Conflict, Forbidden, NotFound
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.reader import Reader
from steelyard.control.kube.resource import PODS, Resource
from steelyard.control.kube.store import Store
from steelyard.control.reconcile.protection import REFUSED_SECONDS, Protection
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.memory import Move, MoveKind, Step
from steelyard.core.vocabulary.reason import Reason
from steelyard.render import label
from unit.control.virtual_time import ManualClock

WORKLOAD = WorkloadKey("ns", "embed")
SOURCE, TARGET = PlacementKey("dear", "0a1b2c3d"), PlacementKey("cheap", "4e5f6a7b")
KARPENTER, AUTOSCALER, OURS = "karpenter.sh/do-not-disrupt", "cluster-autoscaler.kubernetes.io/safe-to-evict", "steelyard.dev/protected-for"


class Stage:
    """Pods of a workload, and an API server that merges annotations."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = Store(self.clock, index_labels=(label.WORKLOAD,))
        self.strangers: set[str] = set()
        self.answer: ApiError | None = None
        self.written: list[str] = []
        self.protection = Protection(
            self, self.store, Reader(lambda *_: None), lambda pod: pod["metadata"]["name"] not in self.strangers, self.clock
        )

    def pod(self, called: str, key: PlacementKey = TARGET, *, started: bool = True, role: str = label.SERVING, **annotations: str) -> None:
        labels = {**label.of_placement(WORKLOAD, key), label.ROLE: role}
        meta = {
            "name": called,
            "namespace": "ns",
            "uid": f"u-{called}",
            "resourceVersion": "1",
            "labels": labels,
            "annotations": annotations,
        }
        status = {"startTime": self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")} if started else {}
        self.store.observe(PODS, "ADDED", {"metadata": meta, "spec": {"nodeName": "n"}, "status": status})

    def move(self, step: Step, seconds: int = 600) -> Move:
        now = self.clock.now().replace(microsecond=0)
        return Move(
            id="m-1",
            kind=MoveKind.REBALANCE,
            source=SOURCE,
            target=TARGET,
            step=step,
            source_replicas=1,
            target_replicas=1,
            target_goal=1,
            started=now,
            step_time=now,
            deadline=now + timedelta(seconds=seconds),
            reason=Reason.MOVE_STARTED,
            message="",
        )

    def keep(self, move: Move | None, *, provisioned: bool = True) -> bool:
        return asyncio.run(self.protection.keep(WORKLOAD, move, provisioned=provisioned))

    def annotations(self, called: str) -> Mapping[str, str]:
        found = self.store.get(PODS.key("ns", called))
        assert found is not None
        return dict(found["metadata"]["annotations"])

    async def patch_annotations(
        self, resource: Resource, namespace: str, name: str, annotations: Mapping[str, str | None], *, version: str, uid: str
    ) -> Manifest:
        live = self.store.get(PODS.key(namespace, name))
        assert live is not None
        assert (resource, version, uid) == (PODS, live["metadata"]["resourceVersion"], f"u-{name}")
        if self.answer is not None:
            raise self.answer
        self.written.append(name)
        merged = {k: v for k, v in {**live["metadata"]["annotations"], **annotations}.items() if v is not None}
        return {**live, "metadata": {**live["metadata"], "resourceVersion": str(int(version) + 1), "annotations": merged}}


@pytest.mark.parametrize("step", [Step.SURGE, Step.SHIFT, Step.BAKE])
def test_the_targets_pods_are_protected_to_the_deadline_of_the_step_and_those_of_the_source_are_not(step: Step) -> None:
    stage = Stage()
    stage.pod("new")
    stage.pod("old", SOURCE)
    assert stage.keep(stage.move(step))
    assert stage.annotations("new") == {KARPENTER: "600s", AUTOSCALER: "false", OURS: "m-1"}
    assert stage.annotations("old") == {}
    stage.keep(stage.move(step))
    assert stage.written == ["new"], "what is so is not written again"


@pytest.mark.parametrize("step", [Step.PROBE, Step.DRAIN, Step.BACK, None])
def test_what_the_move_needs_no_more_is_free_again(step: Step | None) -> None:
    stage = Stage()
    stage.pod("new")
    stage.keep(stage.move(Step.BAKE))
    assert stage.keep(stage.move(step) if step else None)
    assert stage.annotations("new") == {}


def test_karpenters_duration_counts_from_the_pods_start_and_follows_the_deadline() -> None:
    stage = Stage()
    stage.pod("early")
    asyncio.run(stage.clock.sleep(100))
    stage.pod("late")
    stage.keep(stage.move(Step.SURGE))
    assert [stage.annotations(called)[KARPENTER] for called in ("early", "late")] == ["700s", "600s"]
    stage.keep(stage.move(Step.BAKE, seconds=900))
    assert [stage.annotations(called)[KARPENTER] for called in ("early", "late")] == ["1000s", "900s"]


def test_where_nothing_removes_nodes_nothing_is_written() -> None:
    stage = Stage()
    stage.pod("new")
    stage.keep(stage.move(Step.SHIFT), provisioned=False)
    assert stage.written == []


def test_what_somebody_else_said_of_a_pod_stays_and_so_does_what_is_nobodys_or_has_no_start() -> None:
    stage = Stage()
    stage.pod("told", **{KARPENTER: "true"})
    stage.pod("stranger")
    stage.pod("pending", started=False)
    stage.pod("probing", role=label.PROBE)
    stage.strangers.add("stranger")
    stage.keep(stage.move(Step.SHIFT))
    stage.keep(None)
    assert stage.written == []
    assert stage.annotations("told") == {KARPENTER: "true"}


def test_what_a_dead_operator_left_is_removed_by_the_next() -> None:
    stage = Stage()
    stage.pod("left", **{KARPENTER: "600s", AUTOSCALER: "false", OURS: "m-0", "other": "stays"})
    stage.keep(None)
    assert stage.annotations("left") == {"other": "stays"}


def test_a_pod_that_changed_meanwhile_is_looked_at_again_and_one_that_is_gone_is_not() -> None:
    stage = Stage()
    stage.pod("new")
    stage.answer = Conflict("it was modified", status=409)
    assert not stage.keep(stage.move(Step.SHIFT))
    stage.answer = NotFound("gone", status=404)
    assert stage.keep(stage.move(Step.SHIFT))


def test_a_role_that_lacks_the_right_stops_no_move_and_is_asked_again_minutes_later() -> None:
    stage = Stage()
    stage.pod("new")
    stage.answer = Forbidden("pods is forbidden", status=403)
    assert stage.keep(stage.move(Step.SHIFT))
    stage.answer = None
    assert stage.keep(stage.move(Step.SHIFT))
    assert stage.written == []
    asyncio.run(stage.clock.sleep(REFUSED_SECONDS + 1))
    stage.keep(stage.move(Step.SHIFT))
    assert stage.written == ["new"]


def test_a_pod_that_cannot_be_read_keeps_none_from_its_protection() -> None:
    stage = Stage()
    stage.pod("a-broken")
    broken: Any = stage.store.get(PODS.key("ns", "a-broken"))
    stage.store.observe(
        PODS, "MODIFIED", {**broken, "metadata": {**broken["metadata"], "resourceVersion": "2"}, "status": {"startTime": "x"}}
    )
    stage.pod("new")
    assert stage.keep(stage.move(Step.SHIFT))
    assert stage.written == ["new"]
