"""What Karpenter says reaches the pool's conditions: at once, in its words, and only as long as a replica waits."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from steelyard.app.config import Config
from steelyard.app.wiring import settings_of
from steelyard.control.gather.node_pools import NodePools
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import ACCELERATOR_POOLS, CORE_EVENTS, DEPLOYMENTS, INFERENCE_WORKLOADS, NODE_POOLS, PODS
from steelyard.control.kube.store import Store
from steelyard.control.reconcile.pool import PoolReconciler
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.planning.exhaustion import DEADLINE, REFUSED
from steelyard.core.vocabulary.reading import Unknown
from steelyard.core.vocabulary.reason import Reason
from steelyard.render import label, name
from unit.api.objects import GONE, changed
from unit.control.test_node_pools import Karpenter, node_pool
from unit.control.test_pool_status import NAME, Server
from unit.control.virtual_time import ManualClock

NODE_POOL = "inf2"


class Stage:
    """A pool that names a NodePool, and a replica of a workload that waits for a node there."""

    def __init__(self, *, limits: dict[str, str] | None = None) -> None:
        self.clock, self.karpenter, self.server = ManualClock(), Karpenter(), Server()
        self.karpenter.of[NODE_POOLS] = [node_pool(NODE_POOL, limits=limits or {"nodes": "4"})]
        spec = {"spec.provisioner": {"type": "Karpenter", "nodePool": NODE_POOL}, "spec.nodes": GONE, "spec.capacity.maxNodes": GONE}
        self.server.pool = changed(self.server.pool, spec)
        self.store = Store(self.clock, index_labels=(label.WORKLOAD, label.POOL))
        self.seen = NodePools(self.karpenter)
        self.world = SnapshotBuilder(
            self.store,
            settings_of(Config()),
            lambda *_: Unknown("nothing"),
            synced=lambda: True,
            clock_suspect=lambda: False,
            node_pools=self.seen,
        )
        self.pools = PoolReconciler(self.server, self.store, self.world, self.clock, self.server.tell)  # type: ignore[arg-type]
        self.store.observe(ACCELERATOR_POOLS, "ADDED", self.server.pool)

    def wait_for_a_node(self, second: int = 0) -> None:
        """A replica that the scheduler found no node for, since then."""
        owner = {"kind": "InferenceWorkload", "name": "w", "uid": "u-w", "controller": True}
        labels = {label.WORKLOAD: "w", label.POOL: NAME, label.REVISION: "r", label.ROLE: label.SERVING, "pod-template-hash": "h"}
        self.store.observe(
            INFERENCE_WORKLOADS, "ADDED", {"metadata": {"name": "w", "namespace": "ns", "uid": "u-w", "resourceVersion": "1"}}
        )
        called = name.placement(WorkloadKey("ns", "w"), PlacementKey(NAME, "r"))
        meta = {"name": called, "namespace": "ns", "uid": "u-d", "resourceVersion": "1", "labels": labels, "ownerReferences": [owner]}
        self.store.observe(DEPLOYMENTS, "ADDED", {"metadata": meta})
        mine = [{"kind": "ReplicaSet", "name": f"{called}-h", "uid": "u-rs", "controller": True}]
        unscheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "lastTransitionTime": self.stamp(second)}
        pod: Manifest = {
            "metadata": {"name": "p", "namespace": "ns", "uid": "u-p1", "resourceVersion": "1", "labels": labels, "ownerReferences": mine},
            "spec": {"containers": [{"resources": {"requests": {"cpu": "4"}}}]},
            "status": {"phase": "Pending", "conditions": [unscheduled]},
        }
        self.store.observe(PODS, "ADDED", pod)

    def stamp(self, second: int) -> str:
        return (self.clock.now() + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def look(self) -> Manifest:
        """As the operator does, and the pool's status after it."""
        asyncio.run(self.seen.look(self.world.node_pools_named(), self.world.node_pools_waited_for()))
        asyncio.run(self.pools.reconcile(NAME))
        self.store.observe(ACCELERATOR_POOLS, "MODIFIED", self.server.pool)
        status: Manifest = self.server.pool["status"]
        return status

    def condition(self, kind: str) -> dict[str, Any]:
        return next(c for c in self.look()["conditions"] if c["type"] == kind)

    def refuse(self, words: str) -> None:
        told = {
            "involvedObject": {"kind": "NodeClaim", "name": f"{NODE_POOL}-abcde"},
            "reason": "InsufficientCapacityError",
            "message": f"NodeClaim {NODE_POOL}-abcde event: {words}",
            "lastTimestamp": self.stamp(0),
        }
        self.karpenter.of[CORE_EVENTS] = [told]


def test_a_node_pool_that_is_lost_is_said_once_and_what_stands_is_planned_with_until_it_is_back() -> None:
    stage = Stage()
    told = stage.condition("Provisioned")
    assert (told["status"], told["reason"]) == ("True", "NodePoolReady")
    assert stage.world.pools()[0].max_nodes == 4
    before = stage.karpenter.of[NODE_POOLS]
    stage.karpenter.of[NODE_POOLS] = []
    told = stage.condition("Provisioned")
    assert (told["status"], told["reason"]) == ("False", "NodePoolMissing")
    assert stage.world.pools()[0].max_nodes == 0
    stage.look()
    assert [note.reason for note in stage.server.told] == [Reason.NODE_POOL_MISSING]
    stage.karpenter.of[NODE_POOLS] = before
    assert stage.condition("Provisioned")["status"] == "True"
    assert stage.world.pools()[0].max_nodes == 4


def test_want_of_capacity_exhausts_the_pool_at_once_in_karpenters_words() -> None:
    stage = Stage()
    stage.wait_for_a_node()
    assert stage.world.node_pools_waited_for() == {NODE_POOL}
    assert stage.condition("Exhausted")["status"] == "False"
    stage.refuse("no instance of inf2.xlarge in us-east-1a")
    assert stage.condition("Exhausted")["status"] == "False", "it may try another type yet"
    asyncio.run(stage.clock.sleep(REFUSED.total_seconds() + 1))
    told = stage.condition("Exhausted")
    assert (told["status"], told["reason"]) == ("True", "PoolExhausted")
    assert (
        "Karpenter makes no node by NodePool inf2: InsufficientCapacityError: no instance of inf2.xlarge in us-east-1a" in told["message"]
    )
    assert REFUSED < DEADLINE
    assert stage.look()["exhausted"]["reason"].startswith("Karpenter makes no node")


def test_without_a_replica_that_waits_nothing_is_asked_and_nothing_is_exhausted() -> None:
    stage = Stage()
    stage.refuse("nothing")
    asyncio.run(stage.clock.sleep(60))
    assert stage.condition("Exhausted")["status"] == "False"
    assert {resource for resource, _, _ in stage.karpenter.asked} == {NODE_POOLS}
