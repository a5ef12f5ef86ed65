"""What Cluster Autoscaler's status says of node groups: a limit, a back-off in its words, and nothing where it cannot be read or is old."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from steelyard.api.accelerator_pool import AcceleratorPool
from steelyard.api.parse import parse
from steelyard.control.gather.node_groups import LASTS, NodeGroups
from steelyard.control.gather.pool_facts import NodeView, pool_of
from steelyard.control.kube.errors import ApiError, Forbidden, NotFound
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import CONFIG_MAPS, Resource
from steelyard.core.facts.node_group import NodeGroup
from steelyard.core.facts.snapshot import Pool
from steelyard.core.vocabulary.reason import Reason, Refusal
from unit.api.objects import changed
from unit.api.objects import pool as raw_pool

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GROUP = "asg-inf2"
BACKOFF = {
    "status": "Backoff",
    "backoffInfo": {"errorCode": "QUOTA_EXCEEDED", "errorMessage": "Instance creation failed:\n  Quota exceeded."},
    "lastTransitionTime": "2026-03-01T11:59:00Z",
}


def status(*groups: Any, probed: str = "2026-03-01T11:59:55Z") -> str:
    """As Cluster Autoscaler 1.30 and later writes it."""
    told = {
        "time": "2026-03-01 11:59:55.5 +0000 UTC",
        "autoscalerStatus": "Running",
        "clusterWide": {"health": {"status": "Healthy", "lastProbeTime": probed}},
        "nodeGroups": list(groups),
    }
    return yaml.safe_dump(told)


def group(name: str = GROUP, most: Any = 3, **scale_up: Any) -> dict[str, Any]:
    health = {"status": "Healthy", "cloudProviderTarget": 1, "minSize": 0, "maxSize": most}
    return {"name": name, "health": health, "scaleUp": scale_up or {"status": "NoActivity"}}


class Cluster:
    """A ConfigMap with this text; an error in place of it."""

    def __init__(self, text: str | ApiError) -> None:
        self.text, self.asked = text, 0

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Manifest:
        assert (resource, namespace, name) == (CONFIG_MAPS, "kube-system", "cluster-autoscaler-status")
        self.asked += 1
        if isinstance(self.text, ApiError):
            raise self.text
        return {"data": {"status": self.text}}


def looked(text: str | ApiError, now: datetime = NOW) -> NodeGroups:
    seen = NodeGroups(Cluster(text), "kube-system")
    asyncio.run(seen.look([GROUP], now))
    return seen


def pool(found: NodeGroup | Refusal | None, most: int = 5) -> Pool:
    provisioner = {"type": "ClusterAutoscaler", "nodeGroup": GROUP}
    raw = changed(raw_pool(), {"spec.provisioner": provisioner, "spec.capacity.maxNodes": most})
    parsed = parse(AcceleratorPool, raw)
    assert isinstance(parsed, AcceleratorPool), parsed
    return pool_of(parsed, raw, [NodeView(parsed.spec.nodes.selector, ready=True, starting=False)] * 2, found)


def told(made: Pool) -> tuple[bool | None, Reason, str]:
    assert made.provisioning is not None
    return made.provisioning.holds, made.provisioning.reason, made.provisioning.message


def test_of_the_groups_limit_and_the_pools_the_lower_counts() -> None:
    found = looked(status(group("other", 9), group(most=3))).of(GROUP)
    assert found == NodeGroup(name=GROUP, most=3)
    assert pool(found).max_nodes == 3
    assert told(pool(found)) == (
        True,
        Reason.NODE_GROUP_READY,
        "Cluster Autoscaler adds nodes to node group asg-inf2, 3 at most by its maxSize",
    )
    assert pool(found, most=2).max_nodes == 2
    assert "2 at most by spec.capacity.maxNodes" in told(pool(found, most=2))[2]


def test_a_back_off_is_told_in_its_words_and_holds_from_when_it_began_or_a_replica_waits() -> None:
    seen = looked(status(group(**BACKOFF)))
    holds, reason, message = told(pool(seen.of(GROUP)))
    assert (holds, reason) == (False, Reason.NODE_GROUP_BACKOFF)
    assert "QUOTA_EXCEEDED: Instance creation failed: Quota exceeded." in message
    before, after = NOW - timedelta(minutes=5), NOW - timedelta(seconds=30)
    words = "Cluster Autoscaler adds no node to node group asg-inf2: QUOTA_EXCEEDED: Instance creation failed: Quota exceeded."
    assert seen.refused(GROUP, before) == (NOW - timedelta(minutes=1), words)
    assert seen.refused(GROUP, after) == (after, words)
    assert looked(status(group(status="InProgress"))).refused(GROUP, before) is None


def test_a_back_off_without_words_or_time_holds_from_when_a_replica_waits() -> None:
    assert looked(status(group(status="Backoff"))).refused(GROUP, NOW) == (
        NOW,
        "Cluster Autoscaler adds no node to node group asg-inf2: Backoff: it does not say why",
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (NotFound("there is none", status=404), "could not be read: there is none"),
        (Forbidden("you may not", status=403), "could not be read: you may not"),
        ("Cluster-autoscaler status at 2023-11-24:\nNodeGroups:\n  Name: asg-inf2", "is not of the form of Cluster Autoscaler 1.30"),
        ("nodeGroups: [", "is not of the form"),
        ("", "is not of the form"),
        ("just words", "is not of the form"),
        (status(group(), probed="yesterday"), "is not of the form"),
        (status("words"), "is not of the form"),
        (status(group("another")), "has no node group of this name"),
        (status(group(most="many")), "cannot be read"),
        (status(group(most=-1)), "cannot be read"),
        (status({"name": GROUP}), "cannot be read"),
        (status(group(), probed="2026-03-01T11:54:00Z"), "was not written for 5 minutes: does the autoscaler run?"),
    ],
)
def test_what_cannot_be_read_or_is_old_is_unknown_and_changes_nothing(text: str | ApiError, why: str) -> None:
    seen = looked(text)
    found = seen.of(GROUP)
    assert isinstance(found, Refusal) and why in found.message
    made = pool(found)
    assert made.max_nodes == 5
    assert told(made)[:2] == (None, Reason.PROVISIONER_NOT_READ)
    assert seen.refused(GROUP, NOW) is None


def test_what_was_known_is_unknown_once_the_autoscaler_writes_no_more() -> None:
    cluster = Cluster(status(group(**BACKOFF)))
    seen = NodeGroups(cluster, "kube-system")
    assert asyncio.run(seen.look([GROUP], NOW)) == {GROUP}
    assert asyncio.run(seen.look([GROUP], NOW)) == frozenset()
    version = seen.version
    assert asyncio.run(seen.look([GROUP], NOW + LASTS)) == {GROUP}
    assert seen.version > version
    assert isinstance(seen.of(GROUP), Refusal)


def test_where_nothing_is_to_be_read_nothing_is_asked() -> None:
    cluster = Cluster(status(group()))
    seen = NodeGroups(cluster, "kube-system")
    assert asyncio.run(seen.look([], NOW)) == frozenset()
    off = NodeGroups(cluster)
    assert asyncio.run(off.look([GROUP], NOW)) == frozenset()
    assert cluster.asked == 0
    found = off.of(GROUP)
    assert isinstance(found, Refusal) and "config.clusterAutoscaler.readStatus" in found.message
    assert pool(None).max_nodes == 5 and told(pool(None))[0] is None
