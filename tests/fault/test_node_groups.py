"""An operator reads Cluster Autoscaler's status where it is told to, and its pools say what they have of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from fault.meanwhile import meanwhile
from fault.move_run import OWN, SOON, MoveRun
from unit.control.test_node_groups import BACKOFF, group, status

pytestmark = pytest.mark.apiserver


def tell(run: MoveRun, **scale_up: Any) -> None:
    """Cluster Autoscaler writes its status, as at each of its rounds."""
    probed = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    data = {"status": status(group(f"asg-{run.cheap}", 2, **scale_up), probed=probed)}
    meta = {"name": "cluster-autoscaler-status", "namespace": run.namespace}
    run.cluster.apply(yaml.safe_dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}))


def provisioned(run: MoveRun, pool: str) -> tuple[str, str, str]:
    told = ((run.cluster.api.get(f"{OWN}/acceleratorpools/{pool}") or {}).get("status") or {}).get("conditions", ())
    return next(((c["status"], c["reason"], c["message"]) for c in told if c["type"] == "Provisioned"), ("", "", ""))


@meanwhile
def test_a_pool_has_its_groups_limit_and_says_when_no_node_is_added_to_it(a_move):
    run = a_move(small=True, ask="CheckCapacity")
    run.start_operator(clusterAutoscaler={"readStatus": True, "namespace": run.namespace})
    run.until("a status that is missing", lambda _: "could not be read" in provisioned(run, run.cheap)[2], SOON)
    assert provisioned(run, run.cheap)[:2] == ("Unknown", "ProvisionerNotRead")
    tell(run)
    run.until("the limit of the group", lambda _: provisioned(run, run.cheap)[:2] == ("True", "NodeGroupReady"), SOON)
    told = provisioned(run, run.cheap)[2]
    assert "2 at most by its maxSize" in told
    assert "moves do not ask first: set config.clusterAutoscaler.provisioningRequests" in told
    assert "has no node group of this name" in provisioned(run, run.dear)[2]
    tell(run, **BACKOFF)
    run.until("the back-off", lambda _: provisioned(run, run.cheap)[1] == "NodeGroupBackoff", SOON)
    assert "QUOTA_EXCEEDED" in provisioned(run, run.cheap)[2]
    run.end_operators()
