"""An operator reads Cluster Autoscaler's status where it is told to, and its pools say what they have of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from fault.meanwhile import meanwhile
from fault.move_run import OWN, MoveRun
from unit.control.test_node_groups import BACKOFF, group, status

pytestmark = pytest.mark.apiserver


def tell(run: MoveRun, **scale_up: Any) -> None:
    """Cluster Autoscaler writes its status, as at each of its rounds."""
    probed = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    data = {"status": status(group(f"asg-{run.cheap}", 2, **scale_up), probed=probed)}
    meta = {"name": "cluster-autoscaler-status", "namespace": run.namespace}
    run.cluster.apply(yaml.safe_dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}))


def provisioned(run: MoveRun, pool: str, *words: str) -> str | None:
    """What the condition says, where all these words are in it."""
    told = ((run.cluster.api.get(f"{OWN}/acceleratorpools/{pool}") or {}).get("status") or {}).get("conditions", ())
    said = next((f"{c['status']} {c['reason']} {c['message']}" for c in told if c["type"] == "Provisioned"), "")
    return said if all(word in said for word in words) else None


@meanwhile
def test_a_pool_has_its_groups_limit_and_says_when_no_node_is_added_to_it(a_move):
    run = a_move(small=True, ask="CheckCapacity")
    run.start_operator(clusterAutoscaler={"readStatus": True, "namespace": run.namespace})
    run.until("a status that is missing", lambda _: provisioned(run, run.cheap, "Unknown ProvisionerNotRead", "could not be read"))
    tell(run)
    told = run.until("the limit of the group", lambda _: provisioned(run, run.cheap, "True NodeGroupReady"))
    assert "2 at most by its maxSize" in told
    assert "moves do not ask first: set config.clusterAutoscaler.provisioningRequests" in told
    run.until("a pool of no group to say so", lambda _: provisioned(run, run.dear, "has no node group of this name"))
    tell(run, **BACKOFF)
    run.until("the back-off", lambda _: provisioned(run, run.cheap, "NodeGroupBackoff", "QUOTA_EXCEEDED"))
    run.end_operators()
