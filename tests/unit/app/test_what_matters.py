"""Of what others write all the time, only what a decision reads wakes the workloads."""

from typing import Any

import pytest

from steelyard.app.operator import node_matters, pool_matters
from steelyard.control.kube.resource import ACCELERATOR_POOLS, NODES
from steelyard.control.kube.store import Change
from unit.api.objects import pool

NODE: dict[str, Any] = {
    "metadata": {"name": "n", "labels": {"pool": "a"}},
    "status": {
        "conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-05T08:00:00Z"}],
        "allocatable": {"cpu": "4"},
    },
}
POOL: dict[str, Any] = {**pool(), "metadata": {"name": "p", "generation": 1, "labels": {"team": "a"}}, "status": {"nodes": 1}}


def status(**fields: Any) -> dict[str, Any]:
    return {**POOL, "status": {**POOL["status"], **fields}}


def meta(**fields: Any) -> dict[str, Any]:
    return {**POOL, "metadata": {**POOL["metadata"], **fields}}


@pytest.mark.parametrize(
    ("new", "matters"),
    [
        (status(nodes=2), False),
        (status(conditions=[{"type": "Ready", "status": "False"}]), False),
        (status(unreadyNodes={"startedTime": "2026-01-05T08:00:00Z"}), True),
        (status(exhausted={"until": "2026-01-05T08:00:00Z"}), True),
        (meta(generation=2), True),
        (meta(labels={"team": "b"}), True),
        (None, True),
    ],
)
def test_of_a_pool(new: dict[str, Any] | None, matters: bool) -> None:
    assert pool_matters(Change(ACCELERATOR_POOLS.key(None, "p"), POOL, new)) == matters
    assert pool_matters(Change(ACCELERATOR_POOLS.key(None, "p"), None, POOL))


def node(**fields: Any) -> dict[str, Any]:
    return {**NODE, "status": {**NODE["status"], **fields}}


@pytest.mark.parametrize(
    ("new", "matters"),
    [
        (node(conditions=[{"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-05T08:00:10Z"}]), False),
        (node(images=[{"names": ["new"]}]), False),
        (node(conditions=[{"type": "Ready", "status": "Unknown"}]), True),
        (node(allocatable={"cpu": "3"}), True),
        ({**NODE, "metadata": {"name": "n", "labels": {"pool": "b"}}}, True),
        (None, True),
    ],
)
def test_of_a_node(new: dict[str, Any] | None, matters: bool) -> None:
    assert node_matters(Change(NODES.key(None, "n"), NODE, new)) == matters
