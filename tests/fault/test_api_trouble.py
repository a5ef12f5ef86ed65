"""An API server that refuses, forgets, hides and vanishes: the operator lives through it and comes to the same end."""

from __future__ import annotations

import time

import pytest

from cluster.waiting import wait_until
from fault.meanwhile import meanwhile
from fault.move_run import SOON, WORKLOAD, MoveRun
from fault.proxy import AfterCommit, Call, Delay, Proxy, Refuse, StaleList

pytestmark = pytest.mark.apiserver

DEEDS = {
    ("create", "compiledmodels"): 2,
    ("create", "jobs"): 2,
    ("create", "deployments"): 2,
    ("create", "services"): 3,
    ("create", "poddisruptionbudgets"): 1,
    ("delete", "deployments"): 1,
    ("delete", "services"): 1,
}
"""Of one golden move."""
WATCHED = (
    "pods",
    "deployments",
    "services",
    "poddisruptionbudgets",
    "jobs",
    "nodes",
    "inferenceworkloads",
    "compiledmodels",
    "acceleratorpools",
)


def a_proxied_move(a_move, *, small: bool = True) -> tuple[MoveRun, Proxy]:
    """A move behind its proxy."""
    run = a_move(proxied=True, small=small)
    assert run.proxy
    return run, run.proxy


def same_end(run: MoveRun) -> None:
    """As without any fault: the same children made and removed, nobody died, nobody waited in vain."""
    run.until_moved()
    assert run.deeds() == DEEDS
    assert [(c["name"], c["verdict"]) for c in run.status()["claims"]] == [("advertised", "Refuted")]
    assert not run.status().get("quarantine")
    assert run.world.lost == 0
    assert (run.world.margin or 0) >= 1
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
        wait_until("something to refuse", lambda: refused, seconds=SOON)
        time.sleep(15)
    assert len(refused) <= 30, f"{len(refused)} requests in 15 s in spite of Retry-After: 3"
    same_end(run)


@meanwhile
def test_a_minute_of_429_that_asks_for_half_a_minute_each_costs_no_lease(a_move):
    """The API server asks for up to 32 s under load. Leases pass, as its own priority and fairness lets them."""
    run, proxy = a_proxied_move(a_move)
    run.start_operator()
    run.apply()
    run.until_serving()
    refusing = proxy.fail(
        lambda call: not call.is_for("leases") and not call.watches, Refuse(429, retry_after=32, reason="TooManyRequests")
    )
    wait_until("something to refuse", lambda: refusing.hits, seconds=SOON)
    time.sleep(60)
    proxy.faults.remove(refusing)
    same_end(run)


@meanwhile
def test_a_500_after_every_third_commit_changes_nothing_in_the_end(a_move):
    run, proxy = a_proxied_move(a_move, small=False)
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
    run, proxy = a_proxied_move(a_move, small=False)
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
def test_watches_that_expire_are_begun_anew(a_move):
    run, proxy = a_proxied_move(a_move)
    run.start_operator()
    run.apply()
    for step in ("Shift", "Bake", "Drain"):
        run.until_step(step)
        assert proxy.expire_watches() >= len(WATCHED)
    same_end(run)


@meanwhile
def test_a_watch_that_answers_410_ends_the_operator_instead_of_leaving_it_half_blind(a_move):
    run, proxy = a_proxied_move(a_move)
    blind = run.start_operator()
    run.apply()
    run.until_step("Shift")
    refused = proxy.fail(lambda call: call.watches and call.is_for("pods", "deployments"), Refuse(410, reason="Expired"))
    assert proxy.cut_watches("pods", "deployments") == 2
    assert blind.process is not None
    assert blind.process.wait(SOON) == 1
    assert [line for line in blind.lines() if "a watch has failed" in str(line.get("message"))]
    proxy.faults.remove(refused)
    run.start_operator()
    run.until_moved()
    assert run.deeds() == DEEDS
    assert run.world.lost == 0


@meanwhile
def test_watches_that_are_forbidden_for_a_while_are_tried_again(a_move):
    run, proxy = a_proxied_move(a_move)
    run.start_operator()
    run.apply()
    run.until_step("Shift")
    with proxy.failing(lambda call: call.watches, Refuse(403, reason="Forbidden")):
        assert proxy.cut_watches() >= len(WATCHED)
        time.sleep(10)
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
    wait_until("the leader to end", lambda: not run.operators[-1].running, seconds=SOON)
    assert run.operators[-1].process is not None
    assert run.operators[-1].process.returncode == 1
    run.start_operator()
    run.until_moved()
    assert run.deeds() == DEEDS
    assert run.world.lost == 0


@meanwhile
def test_a_server_that_is_away_for_four_seconds_costs_nothing(a_move):
    run, proxy = a_proxied_move(a_move)
    run.start_operator()
    run.apply()
    run.until_step("Shift")
    with proxy.refusing_connections():
        time.sleep(4)
    same_end(run)


@meanwhile
def test_slow_answers_delay_and_do_nothing_twice(a_move):
    run, proxy = a_proxied_move(a_move)
    proxy.fail(lambda call: call.writes and not call.is_for("leases"), Delay(1.5))
    run.start_operator()
    run.apply()
    same_end(run)


@meanwhile
@pytest.mark.parametrize("whose", ["the front", "the placement"])
def test_a_service_whose_deletion_no_watch_ever_told_is_missed_and_made_again(a_move, whose):
    run, proxy = a_proxied_move(a_move)
    run.start_operator()
    run.apply(mode="Observe")
    run.until_serving()
    placement = run.listed("apps/v1/deployments")[0]["metadata"]["name"]
    service = f"/api/v1/namespaces/{run.namespace}/services/{WORKLOAD if whose == 'the front' else placement}"
    # The watch is cut, the Service goes while nobody looks, and the new watch begins with a list that does not have it.
    refusing = proxy.fail(lambda call: call.watches and call.is_for("services"), Refuse(503))
    proxy.cut_watches("services")
    old = run.cluster.api.get(service)
    assert old
    run.cluster.api.delete(service)
    time.sleep(2)
    proxy.faults.remove(refusing)
    made = wait_until("the Service to come back", lambda: run.cluster.api.get(service), seconds=SOON)
    assert made["metadata"]["uid"] != old["metadata"]["uid"]
    assert made["spec"]["selector"] == old["spec"]["selector"]
    assert run.world.lost == 0


@meanwhile
def test_an_old_list_after_a_restart_undoes_nothing(a_move):
    run, proxy = a_proxied_move(a_move)
    first = run.start_operator()
    run.apply()
    run.until_moved()
    end = run.end_state()
    first.kill()
    run.free_lease()
    # The next process is served the lists of its predecessor's start for a while: no workload, no children.
    stale = proxy.fail(lambda call: call.verb == "list", StaleList())
    run.audit.mark()
    run.start_operator()
    wait_until("old lists to be served", lambda: stale.hits, seconds=SOON)
    time.sleep(8)
    proxy.faults.remove(stale)
    time.sleep(25)
    assert run.end_state() == end
    touched = [e for e in run.writes() if e.resource in {"deployments", "deployments/scale", "services"} and e.code < 300]
    assert not touched, [(e.verb, e.resource, e.name) for e in touched]
    assert run.world.lost == 0
