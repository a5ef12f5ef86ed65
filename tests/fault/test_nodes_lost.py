"""Nodes that go all at once, and nodes that say nothing any more: the workload is served elsewhere, and nothing moves by choice meanwhile."""

from __future__ import annotations

import time

import pytest

from fault.meanwhile import first, meanwhile
from fault.move_run import SOON, Manifest, MoveRun
from steelyard.control.gather.pool_facts import REGISTERING

pytestmark = pytest.mark.apiserver


def pool(run: MoveRun, name: str) -> Manifest:
    """The status of a pool."""
    found = run.cluster.api.get(f"/apis/steelyard.dev/v1alpha1/acceleratorpools/{name}") or {}
    return dict(found.get("status") or {})


@first
@meanwhile
@pytest.mark.parametrize("frozen", [False, True])
def test_what_a_reclaim_of_all_nodes_of_a_pool_took_is_served_by_another_pool_frozen_or_not(a_move, frozen):
    run = a_move(small=True)
    operator = run.start_operator()
    run.apply()
    run.until_moved()
    assert run.world.lost == 0
    if frozen:
        operator.__exit__()
        run.start_operator(frozen=True)
        run.until("the hold", lambda _: run.condition("Held").get("reason") == "Frozen", SOON)
    run.cluster.api.delete(f"/api/v1/nodes/node-{run.cheap}")
    run.until("a replica elsewhere", lambda _: run.world.ready_pods(run.dear) >= 1)
    run.until("the workload to be ready", lambda _: run.condition("Ready").get("status") == "True", SOON)


@first
@meanwhile
def test_no_move_begins_while_most_nodes_of_a_pool_are_unready_and_the_condition_says_so(a_move):
    run = a_move(small=True)
    run.start_operator()
    run.apply(mode="Observe")
    run.until_serving()
    time.sleep(REGISTERING.total_seconds())  # Until then a node that is not ready is one that starts.
    run.play.silent.add(f"node-{run.cheap}")
    run.until("the pool to say so", lambda _: pool(run, run.cheap).get("unreadyNodes"))
    run.apply(mode="Auto")
    run.until("the hold", lambda _: run.condition("Held").get("reason") == "TooManyUnreadyNodes", SOON)
    assert "1 of 1 nodes of the pool are unready" in run.condition("Held")["message"]
    assert run.holds() == run.dear and not run.status().get("move")
    assert run.world.lost == 0
