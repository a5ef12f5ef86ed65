"""Objects of a later version of the definitions, as an older operator meets them amid an upgrade or after going back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from steelyard.app.config import Config
from steelyard.app.wiring import settings_of
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.gather.spec import Unreadable
from steelyard.control.kube.reader import Reader
from steelyard.control.kube.resource import ACCELERATOR_POOLS, INFERENCE_WORKLOADS, Resource
from steelyard.control.kube.store import Store
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.vocabulary.reading import Unknown
from unit.api import objects
from unit.control.virtual_time import ManualClock

KEY = WorkloadKey("shop", "chat")


class Cluster:
    """A workload and a pool."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = Store(self.clock, index_labels=("steelyard.dev/workload", "steelyard.dev/pool"))
        self.unreadable: list[str] = []
        self.ignored: list[tuple[str, str]] = []
        self.reader = Reader(
            lambda _, about, why: self.unreadable.append(why), lambda _, about, what: self.ignored.append((about["metadata"]["name"], what))
        )
        settings = settings_of(Config())
        known = {"synced": lambda: True, "clock_suspect": lambda: False}
        self.world = SnapshotBuilder(self.store, settings, lambda *_: Unknown(""), reader=self.reader, **known)
        self.versions = 0

    def put(self, resource: Resource, made: dict[str, Any], generation: int = 1, **spec: Any) -> None:
        self.versions += 1
        meta = {"uid": f"u-{made['kind']}", "generation": generation, "resourceVersion": str(self.versions), **made["metadata"]}
        if resource == INFERENCE_WORKLOADS:
            meta |= {"namespace": KEY.namespace, "name": KEY.name}
        self.store.observe(resource, "MODIFIED", {**made, "metadata": meta, "spec": {**made["spec"], **spec}})

    def seen(self) -> Snapshot:
        snapshot = self.world.freeze(KEY, self.clock.now())
        assert isinstance(snapshot, Snapshot), snapshot
        return snapshot


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def test_a_workload_and_a_pool_of_a_newer_definition_are_seen_as_without_what_is_new(cluster: Cluster) -> None:
    cluster.put(INFERENCE_WORKLOADS, objects.workload())
    cluster.put(ACCELERATOR_POOLS, objects.pool())
    before = cluster.seen()
    cluster.put(INFERENCE_WORKLOADS, objects.workload(), 2, novelty={"isDefault": True})
    cluster.put(ACCELERATOR_POOLS, objects.pool(), 2, novelty=3)
    after = cluster.seen()
    assert replace(after.workload, generation=1) == before.workload
    assert after.pools == before.pools
    assert not cluster.unreadable


def test_what_is_ignored_is_named_once_for_each_generation(cluster: Cluster) -> None:
    cluster.put(INFERENCE_WORKLOADS, objects.workload(), novelty=1)
    cluster.put(ACCELERATOR_POOLS, objects.pool())
    for _ in range(3):
        cluster.seen()
    ((name, what),) = cluster.ignored
    assert name == "chat" and "does not know spec.novelty" in what and "upgrade the operator" in what
    cluster.put(INFERENCE_WORKLOADS, objects.workload(), 2, novelty=1, other=2)
    cluster.seen()
    assert len(cluster.ignored) == 2 and "spec.novelty, spec.other" in cluster.ignored[1][1]


def test_what_is_ignored_is_told_again_by_the_standby_that_leads_then_unless_it_is_another_generation(cluster: Cluster) -> None:
    cluster.put(INFERENCE_WORKLOADS, objects.workload(), novelty=1)
    cluster.put(ACCELERATOR_POOLS, objects.pool(), novelty=2)
    cluster.seen()
    told, cluster.ignored[:] = list(cluster.ignored), []
    cluster.put(INFERENCE_WORKLOADS, objects.workload(), novelty=1)  # of the same generation: its status has changed
    cluster.put(ACCELERATOR_POOLS, objects.pool(), 2)
    cluster.reader.repeat(cluster.store.get)
    assert len(told) == 2 and cluster.ignored == [each for each in told if each[0] == "chat"]
    cluster.seen()
    assert len(cluster.ignored) == 1


def test_a_word_that_only_a_newer_version_knows_is_unreadable_for_nobody_can_guess_what_it_asks(cluster: Cluster) -> None:
    cluster.put(INFERENCE_WORKLOADS, objects.workload(), rebalancing={"mode": "Clairvoyant"})
    found = cluster.world.freeze(KEY, cluster.clock.now())
    assert isinstance(found, Unreadable) and "spec.rebalancing.mode" in found.message


@pytest.mark.parametrize(
    "had",
    [
        {"spec.model.task": "fill-mask"},
        {"spec.objective.accuracy": [{"measure": "WorstLogprob", "limit": "0.01"}]},
        {"spec.server": objects.VLLM, "spec.compile": {"batchSizes": [1, 16], "flags": ["--optlevel=3"]}},
        {"spec.server": objects.EXISTING, "spec.scaling": {"maxReplicas": 3}, "spec.pods": {"queueName": "team"}},
        {"spec.placement": {"poolSelector": {}, "pools": [{"name": "inf2-xlarge"}]}},
    ],
)
def test_a_workload_that_was_stored_before_a_rule_is_seen_all_the_same(cluster: Cluster, had: dict[str, Any]) -> None:
    cluster.put(INFERENCE_WORKLOADS, objects.changed(objects.workload(), had))
    cluster.put(ACCELERATOR_POOLS, objects.pool())
    assert cluster.seen().pools
    assert not cluster.unreadable
