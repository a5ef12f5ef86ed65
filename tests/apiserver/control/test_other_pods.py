"""What others run on a node, as a real API server lists it."""

import pytest

from steelyard.control.gather.other_pods import OtherPods
from steelyard.control.kube.resource import PODS
from steelyard.core.economics.ledger import Component

pytestmark = pytest.mark.apiserver


async def test_what_runs_on_a_node_is_seen_whoever_made_it_and_what_is_over_is_not(client, control_plane, namespace):
    node = f"node-of-{namespace}"
    for called, phase, on in (
        ("runs", "Running", node),
        ("done", "Succeeded", node),
        ("waits", "Pending", node),
        ("elsewhere", "Running", "other"),
    ):
        container = {"name": "a", "image": "stub", "resources": {"requests": {"cpu": "250m", "memory": "1Gi"}}}
        await client.create(
            PODS,
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": called, "namespace": namespace},
                "spec": {"nodeName": on, "containers": [container]},
            },
        )
        control_plane.api.patch(f"/api/v1/namespaces/{namespace}/pods/{called}/status", {"status": {"phase": phase}})
    others = OtherPods(client)
    await others.look({node}, lambda _: False)
    assert others.on(node) == {Component.OTHERS: {"cpu": 0.25, "memory": 2.0**30}}
    assert others.on("other") == {}
