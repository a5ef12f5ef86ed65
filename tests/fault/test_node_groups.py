"""An operator reads Cluster Autoscaler's status where it is told to, and its pools say what they have of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from fault.meanwhile import meanwhile
from fault.move_run import MoveRun
from unit.control.test_node_groups import BACKOFF, group, status

pytestmark = pytest.mark.apiserver


def tell(run: MoveRun, **scale_up: Any) -> None:
    """Cluster Autoscaler writes its status, as at each of its rounds."""
    probed = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    data = {"status": status(group(f"asg-{run.cheap}", 2, **scale_up), probed=probed)}
    meta = {"name": "cluster-autoscaler-status", "namespace": run.namespace}
    run.cluster.apply(yaml.safe_dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}))


class Told:
    """What a scene's operator writes of its pools. The operators of other scenes see the same pools, know nothing of node groups, and write that at once, so
    that nobody can rely on reading it in the pools themselves."""

    def __init__(self, run: MoveRun) -> None:
        self._run, self._said = run, dict[str, list[str]]()

    def of(self, pool: str, *words: str) -> str | None:
        """The last condition so far in which all these words are."""
        for event in self._run.audit.next_events(self._run.user):
            if event.resource == "acceleratorpools/status" and event.code < 300:
                said = next(c for c in event.response["status"]["conditions"] if c["type"] == "Provisioned")
                self._said.setdefault(event.name, []).append(f"{said['status']} {said['reason']} {said['message']}")
        return next((each for each in reversed(self._said.get(pool, ())) if all(word in each for word in words)), None)


@meanwhile
def test_a_pool_has_its_groups_limit_and_says_when_no_node_is_added_to_it(a_move):
    run = a_move(small=True, ask="CheckCapacity")
    told = Told(run)
    run.start_operator(clusterAutoscaler={"readStatus": True, "namespace": run.namespace})
    run.until("a status that is missing", lambda _: told.of(run.cheap, "Unknown ProvisionerNotRead", "could not be read"))
    tell(run)
    limit = run.until("the limit of the group", lambda _: told.of(run.cheap, "True NodeGroupReady"))
    assert "2 at most by its maxSize" in limit
    assert "moves do not ask first: set config.clusterAutoscaler.provisioningRequests" in limit
    run.until("a pool of no group to say so", lambda _: told.of(run.dear, "has no node group of this name"))
    tell(run, **BACKOFF)
    run.until("the back-off", lambda _: told.of(run.cheap, "NodeGroupBackoff", "QUOTA_EXCEEDED"))
    run.end_operators()
