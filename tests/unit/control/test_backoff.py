"""A node group from which Cluster Autoscaler backs off exhausts its pool while a replica waits there, in its words."""

from __future__ import annotations

import asyncio
from typing import Any

from steelyard.control.gather.node_groups import NodeGroups
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.kube.resource import ACCELERATOR_POOLS
from steelyard.control.reconcile.pool import PoolReconciler
from steelyard.core.planning.exhaustion import REFUSED
from unit.api.objects import changed
from unit.control.test_karpenter import Stage
from unit.control.test_node_groups import GROUP, Cluster, group, status
from unit.control.test_pool_status import NAME


class Autoscaled(Stage):
    """The same pool, by a node group."""

    def __init__(self) -> None:
        super().__init__()
        spec = {"spec.provisioner": {"type": "ClusterAutoscaler", "nodeGroup": GROUP}, "spec.nodes": {"selector": {"pool": "inf2"}}}
        self.server.pool = changed(
            self.server.pool, {**spec, "spec.capacity.maxNodes": 5, "metadata.generation": 2, "metadata.resourceVersion": "2"}
        )
        self.autoscaler = Cluster("")
        self.groups = NodeGroups(self.autoscaler, "kube-system")
        known: dict[str, Any] = {"synced": lambda: True, "clock_suspect": lambda: False}
        self.world = SnapshotBuilder(self.store, self.world.settings, lambda *_: None, node_groups=self.groups, **known)  # type: ignore[arg-type, return-value]
        self.pools = PoolReconciler(self.server, self.store, self.world, self.clock, self.server.tell)  # type: ignore[arg-type]
        self.store.observe(ACCELERATOR_POOLS, "MODIFIED", self.server.pool)
        self.says()

    def says(self, **scale_up: Any) -> None:
        """From now on, and is read."""
        self.autoscaler.text = status(group(most=3, **scale_up), probed=self.stamp(0))
        asyncio.run(self.groups.look(self.world.node_groups_named(), self.clock.now()))

    def passes(self, seconds: float) -> None:
        asyncio.run(self.clock.sleep(seconds))


def test_the_groups_limit_is_the_pools() -> None:
    stage = Autoscaled()
    assert stage.world.node_groups_named() == {GROUP: [NAME]}
    assert stage.world.pools()[0].max_nodes == 3
    assert stage.condition("Provisioned")["reason"] == "NodeGroupReady"


def test_a_back_off_exhausts_the_pool_once_a_replica_has_waited_for_a_moment() -> None:
    stage = Autoscaled()
    stage.says(status="Backoff", backoffInfo={"errorCode": "OUT_OF_RESOURCES", "errorMessage": "no g5.xlarge in zone a"})
    stage.passes(60)
    assert stage.condition("Provisioned")["reason"] == "NodeGroupBackoff"
    assert stage.condition("Exhausted")["status"] == "False", "nobody waits, and what stands may have room"
    stage.wait_for_a_node()
    assert stage.condition("Exhausted")["status"] == "False", "the scheduler may find a node that stands"
    stage.passes(REFUSED.total_seconds() + 1)
    told = stage.condition("Exhausted")
    assert (told["status"], told["reason"]) == ("True", "PoolExhausted")
    assert "Cluster Autoscaler adds no node to node group asg-inf2: OUT_OF_RESOURCES: no g5.xlarge in zone a" in told["message"]


def test_an_autoscaler_that_writes_no_more_exhausts_nothing() -> None:
    stage = Autoscaled()
    stage.says(status="Backoff")
    stage.wait_for_a_node()
    stage.passes(301)
    asyncio.run(stage.groups.look(stage.world.node_groups_named(), stage.clock.now()))
    assert stage.condition("Exhausted")["status"] == "False"
    assert stage.condition("Provisioned")["status"] == "Unknown"
    assert stage.world.pools()[0].max_nodes == 5
