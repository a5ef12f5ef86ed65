"""Cluster Autoscaler's status as it writes it (the form of cluster-autoscaler/clusterstate/utils/status_test.yaml), in a ConfigMap of a real API server."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from steelyard.control.gather.node_groups import NodeGroups
from steelyard.control.kube.resource import CONFIG_MAPS
from steelyard.core.facts.node_group import NodeGroup
from steelyard.core.vocabulary.reason import Refusal

pytestmark = pytest.mark.apiserver

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
COUNTS = """
      nodeCounts:
        registered:
          total: 11
          ready: 4
          notStarted: 3
          beingDeleted: 1
          unready:
            total: 2
            resourceUnready: 1
        longUnregistered: 1
        unregistered: 2"""
STATUS = f"""time: 2026-03-01 11:59:58.546750398 +0000 UTC
autoscalerStatus: Running
clusterWide:
  health:
    status: Healthy
    lastProbeTime: "2026-03-01T11:59:58Z"
    lastTransitionTime: "2026-02-28T14:52:02Z"
  scaleUp:
    status: NoActivity
    lastProbeTime: "2026-03-01T11:59:58Z"
nodeGroups:
  - name: https://compute.example.com/zones/a/instanceGroups/gpu-grp
    health:
      status: Healthy{COUNTS}
      cloudProviderTarget: 8
      minSize: 2
      maxSize: 12
      lastProbeTime: "2026-03-01T11:59:58Z"
    scaleUp:
      status: Backoff
      backoffInfo:
        errorCode: QUOTA_EXCEEDED
        errorMessage: "Instance 'gpu-40ce0341-t28s' creation failed: Quota 'CPUS' exceeded.  Limit: 57.0 in region us-central1."
      lastTransitionTime: "2026-03-01T11:52:02Z"
  - name: asg-inf2
    health:
      status: Healthy
      cloudProviderTarget: 0
      minSize: 0
      maxSize: 3
    scaleUp:
      backoffInfo: {{}}
      status: NoActivity
"""
GPU = "https://compute.example.com/zones/a/instanceGroups/gpu-grp"


async def test_its_groups_are_found_by_the_ids_that_it_prints(client, namespace):
    seen = NodeGroups(client, namespace)
    await seen.look([GPU], NOW)
    found = seen.of(GPU)
    assert isinstance(found, Refusal) and "could not be read" in found.message
    status = {"metadata": {"name": "cluster-autoscaler-status", "namespace": namespace}, "data": {"status": STATUS}}
    await client.create(CONFIG_MAPS, {"apiVersion": "v1", "kind": "ConfigMap", **status})
    assert await seen.look([GPU, "asg-inf2", "gone"], NOW) == {GPU, "asg-inf2", "gone"}
    assert seen.of("asg-inf2") == NodeGroup(name="asg-inf2", most=3)
    group = seen.of(GPU)
    assert isinstance(group, NodeGroup) and group.most == 12
    assert group.backoff == (
        "QUOTA_EXCEEDED: Instance 'gpu-40ce0341-t28s' creation failed: Quota 'CPUS' exceeded. Limit: 57.0 in region us-central1."
    )
    assert group.since == datetime(2026, 3, 1, 11, 52, 2, tzinfo=UTC)
    assert isinstance(seen.of("gone"), Refusal)
