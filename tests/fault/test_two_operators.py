"""At most one operator writes, whatever happens to the one that leads."""

from __future__ import annotations

import signal
from datetime import UTC, datetime

import pytest

from cluster.audit import AuditEvent
from cluster.waiting import wait_until
from fault.meanwhile import first, meanwhile
from fault.move_run import MOVE_SECONDS, SOON, MoveRun
from fault.proxy import Call, Delay, Refuse

pytestmark = pytest.mark.apiserver

LEASE_SECONDS = 15.0


def is_for_the_target(call: Call) -> bool:
    """Whether it writes the number of replicas on the cheap pool."""
    return call.is_for("deployments/scale") and call.writes and call.name.startswith("model-cheap")


def scales_of_the_target(run: MoveRun) -> list[AuditEvent]:
    """What the first operator sent of these."""
    return [e for e in run.writes() if e.resource == "deployments/scale" and e.name.startswith("model-cheap")]


def leases(run: MoveRun, user: str) -> list[AuditEvent]:
    """What a user wrote into the Lease, in the order of time."""
    written = run.audit.writes(user, except_resources=())
    return sorted((e for e in written if e.resource == "leases" and e.namespace == run.namespace and e.code < 300), key=lambda e: e.time)


@first
@meanwhile
def test_a_leader_that_was_frozen_past_its_lease_never_writes_again_and_ends(a_move):
    run = a_move(proxied=True)
    assert run.proxy
    old_user, new_user = run.user, f"new-{run.tag}"
    old = run.start_operator()
    run.apply()
    run.until_serving()
    standby = run.start_operator(user=new_user)
    wait_until("the standby to be warm", lambda: any(line.get("message") == "synced" for line in standby.lines()), seconds=SOON)
    # It has written down that the target gets a second replica, and is told to give the order for it a little later. Then it is frozen:
    # when it wakes up, what it has to write first is overdue.
    ordered = run.proxy.fail(is_for_the_target, Refuse(429, retry_after=3, reason="TooManyRequests"), times=1)
    wait_until("the order for a second replica", lambda: ordered.hits, seconds=MOVE_SECONDS)
    old.signal(signal.SIGSTOP)
    wait_until("the standby to lead", lambda: any(line.get("message") == "elected" for line in standby.lines()), seconds=SOON)
    wait_until("the new leader's first write", lambda: run.writes(new_user), seconds=SOON, every=1)
    woken = datetime.now(UTC)
    old.signal(signal.SIGCONT)
    assert old.process is not None
    assert old.process.wait(SOON) != 0, "a deposed leader ends with an error, so that its restart is seen"
    run.until_moved()
    first = min(e.time for e in run.writes(new_user) if e.code < 300)
    assert first < woken
    late = [e for e in run.writes(old_user) if e.code < 300 and e.time >= first]
    assert not late, f"written after the new leader began: {[(e.verb, e.resource, e.name, e.time) for e in late]}"
    assert not [e for e in run.writes(old_user) if e.time >= woken], "nothing was even sent"
    assert run.world.lost == 0
    assert standby.running


@first
@meanwhile
def test_a_write_of_an_old_leader_that_arrives_late_changes_nothing(a_move):
    run = a_move(proxied=True)
    assert run.proxy
    new_user = f"new-{run.tag}"
    old = run.start_operator()
    run.apply()
    run.until_serving()
    run.start_operator(user=new_user)
    # The fence has let it pass, and then it is on its way for longer than the Lease lasts.
    late = run.proxy.fail(is_for_the_target, Delay(LEASE_SECONDS + 30), times=1)
    wait_until("the write that is late", lambda: late.hits, seconds=MOVE_SECONDS)
    old.signal(signal.SIGSTOP)
    wait_until("the new leader's first write", lambda: run.writes(new_user), seconds=SOON, every=1)
    wait_until("the late write to arrive", lambda: scales_of_the_target(run), seconds=SOON, every=1)
    assert [e.code for e in scales_of_the_target(run)] in ([409], [404])
    old.signal(signal.SIGCONT)
    assert old.process is not None
    assert old.process.wait(SOON) != 0
    run.until_moved()
    assert run.world.lost == 0


@meanwhile
def test_when_the_leader_is_killed_the_standby_takes_over_and_the_move_ends(a_move):
    run = a_move(small=True)
    leader = run.start_operator(user=f"first-{run.tag}")
    run.apply()
    run.until_serving()
    standby = run.start_operator(user=f"second-{run.tag}")
    wait_until("the standby to be warm", lambda: any(line.get("message") == "synced" for line in standby.lines()), seconds=SOON)
    run.until_step("Shift")
    leader.kill()
    wait_until("the standby to lead", lambda: any(line.get("message") == "elected" for line in standby.lines()), seconds=SOON)
    taken = next(e for e in leases(run, f"second-{run.tag}"))
    assert (taken.time - leases(run, f"first-{run.tag}")[-1].time).total_seconds() >= LEASE_SECONDS, "not before the Lease was over"
    run.until_moved()
    assert run.world.lost == 0


@meanwhile
def test_an_operator_that_is_told_to_stop_gives_the_lease_back_at_once(a_move):
    run = a_move(small=True)
    leader = run.start_operator(user=f"first-{run.tag}")
    run.apply()
    run.until_serving()
    standby = run.start_operator(user=f"second-{run.tag}")
    wait_until("the standby to be warm", lambda: any(line.get("message") == "synced" for line in standby.lines()), seconds=SOON)
    leader.signal(signal.SIGTERM)
    assert leader.process is not None
    assert leader.process.wait(SOON) == 0
    wait_until("the standby to lead", lambda: any(line.get("message") == "elected" for line in standby.lines()), seconds=SOON)
    last = leases(run, f"first-{run.tag}")[-1]
    assert last.request["spec"]["holderIdentity"] == "", "it was given back, and nobody waited for it to be over"
    assert last.time >= max(e.time for e in run.writes(f"first-{run.tag}")), "after all that it had to write"
    assert leases(run, f"second-{run.tag}")[0].request["spec"]["leaseTransitions"] == last.request["spec"]["leaseTransitions"] + 1


@meanwhile
def test_an_operator_whose_lease_is_slow_to_be_written_is_told_to_stop_and_ends_without_an_error(a_move):
    run = a_move(proxied=True, small=True)
    assert run.proxy
    leader = run.start_operator()
    run.apply()
    run.until_serving()
    # Longer than between two renewals of its claim on the namespaces: one falls due while the Lease is being given back.
    slow = run.proxy.fail(lambda call: call.verb == "update" and call.is_for("leases") and run.namespace in call.path, Delay(4))
    wait_until("a renewal that is slow", lambda: slow.hits, seconds=SOON)
    leader.signal(signal.SIGTERM)
    assert leader.process is not None
    assert leader.process.wait(SOON) == 0
    last = leases(run, run.user)[-1]
    assert last.request["spec"]["holderIdentity"] == "", "the renewal that was on its way did not keep it from being given back"
