"""Five minutes of constant traffic after a move, with the real model on a machine where others work: nothing is written but the Lease."""

import time

import pytest

from e2e.golden_move import Moved

pytestmark = pytest.mark.nodes

REST_SECONDS = 300.0


def test_five_minutes_of_constant_traffic_after_the_move_write_nothing_but_the_lease(moved: Moved) -> None:
    time.sleep(max(0.0, moved.resting_since + REST_SECONDS - time.monotonic()))
    tenant = moved.tenant
    others = {"acceleratorpools/status", "events"}
    # Pools belong to the cluster: those that other tests make meanwhile get a status from every operator that sees them.
    written = [
        e for e in moved.resting.writes(tenant.user) if not (e.resource in others and e.namespace == "" and e.name not in tenant.pools())
    ]
    assert not written, [(e.verb, e.resource, e.name, str(e.request)[:2000]) for e in written]
    leases = [e for e in moved.resting.writes(tenant.user, except_resources=()) if e.resource == "leases"]
    assert len(leases) > REST_SECONDS / 10, "it was alive all the time"
    assert moved.client.failed() == []
    assert moved.client.entries()[-1]["done"] > time.time() - 10, "the traffic went on all the time"
