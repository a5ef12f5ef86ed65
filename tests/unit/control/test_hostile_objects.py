"""Objects that anybody in a namespace may make, and what they are to the operator of all: nothing, or one object that cannot be read."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from patience import PATIENCE
from steelyard.app.config import Config
from steelyard.app.operator import Identity, Operator
from steelyard.app.wiring import settings_of
from steelyard.control.gather.existing_objects import ExistingObjects
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.reader import Reader
from steelyard.control.kube.resource import ACCELERATOR_POOLS, DEPLOYMENTS, INFERENCE_WORKLOADS, NODES, PODS, Resource
from steelyard.control.kube.store import Store
from steelyard.control.telemetry.cost_ledger import CostLedger
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.vocabulary.reading import Unknown
from unit.api import objects
from unit.control.virtual_time import ManualClock

POOL = objects.pool()["metadata"]["name"]
CALLED = f"chat-{POOL}-0a1b2c3d"
LABELS = {
    "app.kubernetes.io/managed-by": "steelyard",
    "steelyard.dev/role": "serving",
    "steelyard.dev/workload": "chat",
    "steelyard.dev/pool": POOL,
    "steelyard.dev/revision": "0a1b2c3d",
}
NOT_A_TIME = "noon"
"""Nothing that an API server lets through: it stands for what nobody has thought of."""


def pod(called: str, *, of: str | None = CALLED, memory: str = "1Gi", created: str = "2026-01-01T00:00:00Z", **labels: str) -> Manifest:
    """A serving pod by its labels; `of`: the Deployment whose ReplicaSet it says it comes of."""
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{of}-7d4b9", "uid": "u-rs", "controller": True}
    return {
        "metadata": {
            "name": called,
            "namespace": "shop",
            "uid": f"u-{called}",
            "creationTimestamp": created,
            "labels": {**LABELS, "pod-template-hash": "7d4b9", **labels},
            "ownerReferences": [owner] if of else [],
        },
        "spec": {"containers": [{"name": "c", "resources": {"requests": {"memory": memory}}}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    }


def node(called: str, created: str = "2026-01-01T00:00:00Z") -> Manifest:
    labels = {**objects.pool()["spec"]["nodes"]["selector"], "node.kubernetes.io/instance-type": "inf2.xlarge"}
    ready = {"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-02T00:00:00Z"}
    meta = {"name": called, "uid": f"u-{called}", "creationTimestamp": created, "labels": labels}
    return {"metadata": meta, "status": {"conditions": [ready]}}


class Cluster:
    """A workload with its Deployment, a pool, and whatever else is put there."""

    def __init__(self, store: Store | None = None) -> None:
        self.store = store or Store(ManualClock(), index_labels=("steelyard.dev/workload", "steelyard.dev/pool"))
        self.told: list[tuple[str, str]] = []
        self.versions = 0
        self.reader = Reader(lambda resource, about, why: self.told.append((about["metadata"]["name"], why)))
        self.world = SnapshotBuilder(
            self.store,
            settings_of(Config()),
            lambda *_: Unknown(""),
            synced=lambda: True,
            clock_suspect=lambda: False,
            reader=self.reader,
        )
        workload = objects.workload()
        workload["metadata"] |= {"name": "chat", "namespace": "shop", "uid": "u-chat", "generation": 1}
        self.put(INFERENCE_WORKLOADS, workload)
        self.put(DEPLOYMENTS, self.deployment("u-chat"))
        pool = objects.pool()
        pool["metadata"] |= {"uid": "u-pool", "generation": 1}
        self.put(ACCELERATOR_POOLS, pool)

    def deployment(self, owner: str) -> Manifest:
        controller = {"kind": "InferenceWorkload", "name": "chat", "uid": owner, "controller": True}
        meta = {"name": CALLED, "namespace": "shop", "uid": "u-deployment", "labels": LABELS, "ownerReferences": [controller]}
        return {"metadata": meta, "spec": {"replicas": 1}}

    def put(self, resource: Resource, made: Manifest, event: str = "ADDED") -> None:
        self.versions += 1
        self.store.observe(resource, event, {**made, "metadata": {**made["metadata"], "resourceVersion": str(self.versions)}})

    def counted(self) -> list[str]:
        return [facts.name for facts in self.world.pods()]


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.mark.parametrize("memory", ["1Ei", "1E", "10e399", "1e3", "100n"])
def test_whatever_quantity_a_pod_asks_for_is_read(cluster: Cluster, memory: str) -> None:
    cluster.put(PODS, pod("chat-1", memory=memory))
    (facts,) = cluster.world.pods()
    assert 0 < facts.resources.memory_gib < 2**34
    assert cluster.told == []


def test_a_pod_that_cannot_be_read_is_left_out_and_told_once_and_the_others_count(cluster: Cluster) -> None:
    cluster.put(PODS, pod("chat-1"))
    cluster.put(PODS, pod("chat-2", created=NOT_A_TIME))
    cluster.put(PODS, pod("chat-3", memory="many"))
    for _ in range(3):
        assert cluster.counted() == ["chat-1"]
    assert [called for called, _ in cluster.told] == ["chat-2", "chat-3"]
    assert "cannot be read and is left out: Invalid isoformat string: 'noon'" in cluster.told[0][1]
    cluster.put(PODS, pod("chat-2"), "MODIFIED")
    assert cluster.counted() == ["chat-1", "chat-2"]


def test_what_cannot_be_read_is_told_again_by_the_standby_that_leads_then_unless_it_has_changed_or_gone(cluster: Cluster) -> None:
    for called in ("chat-1", "chat-2", "chat-3", "chat-4"):
        cluster.put(PODS, pod(called, created=NOT_A_TIME))
    assert cluster.counted() == []
    told, cluster.told[:] = list(cluster.told), []
    cluster.put(PODS, pod("chat-1", created=NOT_A_TIME), "DELETED")
    cluster.put(PODS, pod("chat-2"), "MODIFIED")
    cluster.put(PODS, pod("chat-3", memory="many"), "MODIFIED")
    cluster.reader.repeat(cluster.store.get)
    assert cluster.told == [each for each in told if each[0] == "chat-4"]
    assert cluster.counted() == ["chat-2"]
    assert [called for called, _ in cluster.told] == ["chat-4", "chat-3"]


def test_what_a_standby_could_not_read_twice_is_told_again_too(cluster: Cluster) -> None:
    for _ in range(2):  # the second time its version is another one, and nobody reads it again after that
        cluster.put(PODS, pod("chat-1", created=NOT_A_TIME), "MODIFIED")
        assert cluster.counted() == []
    told, cluster.told[:] = list(cluster.told), []
    cluster.reader.repeat(cluster.store.get)
    assert len(told) == 1 and cluster.told == told


def test_a_pod_that_cannot_be_read_may_go_as_any_other(cluster: Cluster) -> None:
    cluster.world.pod_left(pod("chat-1", created=NOT_A_TIME), ManualClock().now())
    cluster.world.pod_left(pod("chat-2"), ManualClock().now())
    assert cluster.counted() == ["chat-2"]


def test_labels_alone_make_no_pod_ours(cluster: Cluster) -> None:
    cluster.put(PODS, pod("of-nobody", of=None))
    cluster.put(PODS, pod("of-another-deployment", of="web"))
    cluster.put(PODS, pod("of-no-workload", of="x-y-0a1b2c3d", **{"steelyard.dev/workload": "x", "steelyard.dev/pool": "y"}))
    cluster.put(PODS, pod("of-another-template", **{"pod-template-hash": "55555"}))
    cluster.put(PODS, pod("chat-1"))
    assert cluster.counted() == ["chat-1"]
    snapshot = cluster.world.freeze(WorkloadKey("shop", "chat"), ManualClock().now())
    assert isinstance(snapshot, Snapshot)
    assert snapshot.placements[0].key == PlacementKey(POOL, "0a1b2c3d")
    assert (snapshot.placements[0].ready, snapshot.placements[0].pods) == (1, 1)


def test_a_pod_of_one_placement_that_names_another_is_of_none(cluster: Cluster) -> None:
    cluster.put(PODS, pod("of-another-pool", **{"steelyard.dev/pool": "other"}))
    cluster.put(PODS, pod("of-another-revision", **{"steelyard.dev/revision": "1a1b2c3d"}))
    assert cluster.counted() == []


def test_a_deployment_that_says_it_is_ours_makes_no_pod_ours(cluster: Cluster) -> None:
    cluster.put(DEPLOYMENTS, cluster.deployment("u-of-a-workload-that-is-gone"), "MODIFIED")
    cluster.put(PODS, pod("chat-1"))
    assert cluster.counted() == []


def test_a_pod_that_was_counted_is_counted_to_its_end_also_when_its_deployment_and_workload_went_before_it(cluster: Cluster) -> None:
    cluster.put(PODS, pod("chat-1"))
    assert cluster.counted() == ["chat-1"]
    cluster.put(DEPLOYMENTS, cluster.deployment("u-chat"), "DELETED")
    workload = cluster.world.raw(WorkloadKey("shop", "chat"))
    assert workload is not None
    cluster.put(INFERENCE_WORKLOADS, workload, "DELETED")
    assert cluster.counted() == ["chat-1"]
    cluster.put(PODS, pod("chat-1"), "DELETED")
    cluster.world.pod_left(pod("chat-1"), ManualClock().now())
    assert cluster.counted() == ["chat-1"], "its last state holds the final counters"
    assert cluster.counted() == []


def test_a_node_that_cannot_be_read_is_left_out_and_the_others_are_counted_and_paid(cluster: Cluster) -> None:
    cluster.put(NODES, node("good"))
    cluster.put(NODES, node("odd", created=NOT_A_TIME))
    for _ in range(2):
        assert [pool.nodes for pool in cluster.world.pools()] == [1]
        assert [fact.name for fact in cluster.world.paid_nodes(())] == ["good"]
    assert [called for called, _ in cluster.told] == ["odd"]


# --- the process ------------------------------------------------------------------------------------------------------------------------


class Running:
    """An operator's process as far as it observes, with nobody to ask over the network."""

    def __init__(self) -> None:
        config = Config.model_validate({"observe": {"intervalSeconds": 1}})
        nobody: Any = None
        self.operator = Operator(config, nobody, Identity.of("p", "ns"), host="", port=0)
        self.cluster = Cluster(self.operator.store)
        self.operator.snapshots = self.cluster.world
        self.operator.cost_ledger = CostLedger(self.operator.metrics, self.operator.clock.now())
        self.operator.elector = SimpleNamespace(leading=True)  # type: ignore[assignment]
        self.operator.claim = SimpleNamespace(held=True, rivals=())  # type: ignore[assignment]
        self.operator.decision_log = SimpleNamespace(publish=lambda *_, **__: None)  # type: ignore[assignment]
        self.operator.events = SimpleNamespace(record=lambda *_: None)  # type: ignore[assignment]
        self.rounds: list[list[str]] = []
        self.fails_once = False
        self.operator.observing = SimpleNamespace(round=self._round)  # type: ignore[assignment]
        self.operator.existing = ExistingObjects(SimpleNamespace())  # type: ignore[arg-type]

    async def _round(self, pods: Any, _: Any) -> None:
        self.rounds.append([facts.name for facts in pods])
        if self.fails_once and len(self.rounds) == 1:
            raise AssertionError("nobody has thought of this")
        if len(self.rounds) == 2:
            self.operator._end(0)

    async def observe(self) -> int:
        """Two rounds; the exit code."""
        task = self.operator._spawn("observe", self.operator._observe())
        await self.operator._stop.wait()
        task.cancel()
        return self.operator._exit


@pytest.mark.parametrize(
    "hostile",
    [
        pod("evil", of=None, memory="1Ei", **{"steelyard.dev/workload": "x", "steelyard.dev/pool": "y"}),
        pod("evil", memory="1Ei"),
        pod("evil", memory="many"),
        pod("evil", created=NOT_A_TIME),
        {**pod("evil"), "spec": {"containers": ["c"]}},
        {**pod("evil"), "status": {"containerStatuses": [{"state": {"terminated": {"message": "[" * 4000, "startedAt": NOT_A_TIME}}}]}},
    ],
    ids=["of nobody", "exbibyte", "no quantity", "no time", "no container", "no word"],
)
async def test_no_pod_ends_the_process_and_the_others_are_observed(hostile: Manifest) -> None:
    async with asyncio.timeout(PATIENCE):
        running = Running()
        running.cluster.put(PODS, pod("chat-1"))
        running.cluster.put(PODS, hostile)
        running.cluster.put(NODES, node("odd", created=NOT_A_TIME))
        assert await running.observe() == 0
        assert all("chat-1" in names for names in running.rounds)
        running.cluster.put(PODS, hostile, "DELETED")


async def test_a_round_that_fails_is_no_end_and_the_next_one_is_made() -> None:
    async with asyncio.timeout(PATIENCE):
        running = Running()
        running.cluster.put(PODS, pod("chat-1"))
        running.fails_once = True
        assert await running.observe() == 0
        assert running.rounds == [["chat-1"], ["chat-1"]]
