"""A target that fails while traffic shifts to it: back to the source, which was never made smaller, and not again at once."""

from __future__ import annotations

import time

import pytest

from cluster.waiting import wait_until
from fault.meanwhile import meanwhile
from fault.move_run import SOON, MoveRun

pytestmark = pytest.mark.apiserver


def crash(run: MoveRun) -> None:
    """The target's servers end as soon as they have started."""
    run.play.crashing.add(run.cheap)


def slow_down(run: MoveRun) -> None:
    """The target misses the objective for every third request."""
    run.play.behaviours[run.cheap].broken = 0.33


@meanwhile
@pytest.mark.parametrize(("fail", "reason"), [(crash, "TargetCrashed"), (slow_down, "ViolatesSLO")])
def test_a_target_that_fails_during_the_shift_is_left_and_quarantined(a_move, fail, reason):
    run = a_move()
    run.start_operator()
    run.apply(cooldownSeconds=0)
    run.until_step("Shift")
    run.audit.mark()
    fail(run)
    run.until("going back", lambda s: (s.get("move") or {}).get("step") == "Back" or not s.get("move"), SOON)
    run.until("the end of the move", lambda s: not s.get("move"), SOON)
    status = run.status()
    assert [(h["outcome"], h["reason"]) for h in status["history"]] == [("RolledBack", reason)]
    assert [(q["pool"], q["reason"]) for q in status["quarantine"]] == [(run.cheap, reason)]
    assert run.holds() == run.dear
    wait_until("the event", lambda: [e for e in run.listed("events.k8s.io/v1/events") if e["reason"] == reason], seconds=SOON)
    assert all(e["type"] == "Warning" for e in run.listed("events.k8s.io/v1/events") if e["reason"] == reason)
    # The source was never reduced, by anybody, and served all the time.
    scales = [e for e in run.writes() if e.resource == "deployments/scale" and e.name.startswith(f"model-{run.dear}")]
    assert not scales
    assert run.world.lost == 0
    # What was quarantined is not tried again at once, though nothing else speaks against it: there is no cool-down here.
    quarantine = run.status()["quarantine"][0]
    wait_until("the target gone", lambda: len(run.listed("apps/v1/deployments")) == 1, seconds=SOON)
    run.audit.mark()
    time.sleep(25)
    assert not run.status().get("move")
    assert not [e for e in run.writes() if e.resource == "deployments"], "no second try"
    assert run.status()["quarantine"][0] == quarantine
    board = {line["gate"]: line for line in run.status()["lastDecision"]["board"]}
    assert not board["quarantined"]["passed"]
