"""An API server that refuses, forgets, hides and vanishes: the operator lives through it and comes to the same end."""

from __future__ import annotations

import time

import pytest

from cluster.waiting import wait_until
from fault.meanwhile import meanwhile
from fault.move_run import MoveRun
from fault.proxy import AfterCommit, Call, Delay, Proxy, Refuse, StaleList

pytestmark = pytest.mark.apiserver

DEEDS = {
    ("create", "compiledmodels"): 2,
    ("create", "jobs"): 2,
    ("create", "deployments"): 2,
    ("create", "services"): 3,
    ("delete", "deployments"): 1,
    ("delete", "services"): 1,
}
"""Of one golden move."""
WATCHED = ("pods", "deployments", "services", "jobs", "nodes", "inferenceworkloads", "compiledmodels", "acceleratorpools")


def a_proxied_move(a_move) -> tuple[MoveRun, Proxy]:
    """A move behind its proxy."""
    run = a_move(proxied=True)
    assert run.proxy
    return run, run.proxy


def same_end(run: MoveRun) -> None:
    """As without any fault: the same children made and removed, nobody died, nobody waited in vain."""
    run.until_moved()
    assert run.deeds() == DEEDS
    assert [(c["name"], c["verdict"]) for c in run.status()["claims"]] == [("advertised", "Confirmed")]
    assert not run.status().get("quarantine")
    assert run.world.lost == 0
    assert all(o.running for o in run.operators), "no restart was needed"
    assert len(run.operators) == 1


@meanwhile
def test_a_burst_of_429_is_waited_out_as_long_as_the_server_asks(a_move):
    run, proxy = a_proxied_move(a_move)
    run.start_operator()
    run.apply()
    run.until_serving()
    refused: list[float] = []

    def all_but_leases(call: Call) -> bool:
        if call.is_for("leases") or call.watches:
            return False
        refused.append(time.monotonic())
        return True

    with proxy.failing(all_but_leases, Refuse(429, retry_after=3, reason="TooManyRequests")):
        time.sleep(15)
    assert refused, "there was something to refuse"
    assert len(refused) <= 30, f"{len(refused)} requests in 15 s in spite of Retry-After: 3"
    same_end(run)


@meanwhile
def test_a_500_after_every_third_commit_changes_nothing_in_the_end(a_move):
    run, proxy = a_proxied_move(a_move)
    count = 0

    def every_third(call: Call) -> bool:
        nonlocal count
        count += call.writes and not call.is_for("leases")
        return call.writes and not call.is_for("leases") and count % 3 == 0

    fault = proxy.fail(every_third, AfterCommit(status=500))
    run.start_operator()
    run.apply()
    same_end(run)
    assert len(fault.hits) > 5


@meanwhile
def test_answers_that_are_cut_after_every_third_commit_change_nothing_in_the_end(a_move):
    run, proxy = a_proxied_move(a_move)
    count = 0

    def every_third(call: Call) -> bool:
        nonlocal count
        count += call.writes and not call.is_for("leases")
        return call.writes and not call.is_for("leases") and count % 3 == 1

    fault = proxy.fail(every_third, AfterCommit())
    run.start_operator()
    run.apply()
    same_end(run)
    assert len(fault.hits) > 5


@meanwhile
def test_watches_that_expire_both_ways_are_begun_anew(a_move):
    run, proxy = a_proxied_move(a_move)
    run.start_operator()
    run.apply()
    for step in ("Shift", "Bake", "Drain"):
        run.until_step(step)
        # As an event on the open stream; and when it is opened again, as an HTTP status.
        gone = proxy.fail(lambda call: call.watches, Refuse(410, reason="Expired"), times=4)
        assert proxy.expire_watches() >= len(WATCHED)
        wait_until("the watches to be refused", lambda gone=gone: len(gone.hits) >= 4, seconds=20)
    same_end(run)


@meanwhile
def test_a_server_that_is_away_for_twenty_seconds_costs_a_standby_or_a_restart_and_no_request(a_move):
    run, proxy = a_proxied_move(a_move)
    run.start_operator()
    run.apply()
    run.until_step("Shift")
    with proxy.refusing_connections():
        time.sleep(20)
    # Longer than the Lease: who cannot renew it must end, and its pod is started again.
    wait_until("the leader to end", lambda: not run.operators[-1].running, seconds=40)
    assert run.operators[-1].process is not None
    assert run.operators[-1].process.returncode == 1
    run.start_operator()
    run.until_moved()
    assert run.deeds() == DEEDS
    assert run.world.lost == 0


@meanwhile
def test_a_server_that_is_away_for_six_seconds_costs_nothing(a_move):
    run, proxy = a_proxied_move(a_move)
    run.start_operator()
    run.apply()
    run.until_step("Shift")
    with proxy.refusing_connections():
        time.sleep(6)
    same_end(run)


@meanwhile
def test_slow_answers_delay_and_do_nothing_twice(a_move):
    run, proxy = a_proxied_move(a_move)
    proxy.fail(lambda call: call.writes and not call.is_for("leases"), Delay(1.5))
    run.start_operator()
    run.apply()
    same_end(run)


@meanwhile
def test_a_deletion_that_the_watch_never_told_is_found_out(a_move):
    run, proxy = a_proxied_move(a_move)
    run.start_operator()
    run.apply()
    run.until_step("Shift")
    home = next(d["metadata"] for d in run.listed("apps/v1/deployments") if d["metadata"]["name"].startswith(f"model-{run.dear}"))
    # The watch is cut, the Service of the home is deleted while nobody looks, and the new watch does not say so.
    refusing = proxy.fail(lambda call: call.watches and call.is_for("services"), Refuse(503))
    proxy.cut_watches("services")
    run.cluster.api.delete(f"/api/v1/namespaces/{run.namespace}/services/{home['name']}")
    time.sleep(2)
    proxy.faults.remove(refusing)
    wait_until(
        "the Service to come back",
        lambda: run.cluster.api.get(f"/api/v1/namespaces/{run.namespace}/services/{home['name']}"),
        seconds=60,
    )
    run.until_moved()
    assert run.world.lost == 0


@meanwhile
def test_an_old_list_after_a_restart_undoes_nothing(a_move):
    run, proxy = a_proxied_move(a_move)
    first = run.start_operator()
    run.apply()
    run.until_moved()
    end = run.end_state()
    first.kill()
    run.cluster.api.delete(f"/apis/coordination.k8s.io/v1/namespaces/{run.namespace}/leases/steelyard")
    # The next process is served the lists of its predecessor's start for a while: no workload, no children.
    stale = proxy.fail(lambda call: call.verb == "list", StaleList())
    run.audit.mark()
    run.start_operator()
    time.sleep(8)
    proxy.faults.remove(stale)
    assert stale.hits
    time.sleep(25)
    assert run.end_state() == end
    touched = [e for e in run.writes() if e.resource in {"deployments", "deployments/scale", "services"} and e.code < 300]
    assert not touched, [(e.verb, e.resource, e.name) for e in touched]
    assert run.world.lost == 0
