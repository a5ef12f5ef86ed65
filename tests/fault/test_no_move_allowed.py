"""Where a person said no, nothing moves, and what would be done is told all the same."""

from __future__ import annotations

import time

import pytest

from fault.meanwhile import meanwhile
from fault.move_run import SOON, MoveRun

pytestmark = pytest.mark.apiserver


def nothing_moved(run: MoveRun) -> None:
    """One Deployment, made once, where it began."""
    assert not run.status().get("move")
    assert not run.status().get("history")
    assert run.deeds()["create", "deployments"] == 1
    assert [d["metadata"]["name"].split("-")[1] for d in run.listed("apps/v1/deployments")] == ["dear"]


def recommended(status):
    """Whether the mode alone keeps it from moving."""
    return (status.get("lastDecision") or {}).get("reason") == "ModeObserves"


@meanwhile
def test_recommend_moves_nothing_and_says_where_it_would_go(a_move):
    run = a_move(small=True)
    run.start_operator()
    run.apply(mode="Recommend")
    run.until("a recommendation", recommended, SOON)
    time.sleep(15)
    run.until("the recommendation to stand", recommended, SOON)
    nothing_moved(run)
    last = run.status()["lastDecision"]
    assert f"would move to pool {run.cheap}" in last["message"]
    assert all(line["passed"] for line in last["board"] if line["gate"] != "mode_observes"), last["board"]
    assert run.condition("Balanced")["reason"] == "CheaperKnown"
    assert run.condition("Held")["status"] == "False", "advice is no hold"


@meanwhile
def test_a_paused_workload_moves_nothing_until_it_is_told_to_go_on(a_move):
    run = a_move(small=True)
    run.start_operator()
    run.apply(paused=True)
    run.until("Held by a person", lambda _: run.condition("Held").get("reason") == "Frozen", SOON)
    time.sleep(15)
    nothing_moved(run)
    assert run.condition("Ready")["status"] == "True"
    assert run.status()["lastDecision"]["options"], "what the pools would cost is shown"
    run.apply(paused=False)
    run.until_moved()


@meanwhile
def test_pausing_during_the_shift_goes_back_and_quarantines_nothing(a_move):
    run = a_move(small=True)
    run.start_operator()
    run.apply()
    run.until_step("Shift")
    run.apply(paused=True)
    run.until("the end of the move", lambda s: not s.get("move") and s.get("history"), SOON)
    status = run.status()
    assert run.holds() == run.dear
    assert not status.get("quarantine")
    assert run.world.lost == 0


@meanwhile
def test_a_frozen_installation_moves_nothing(a_move):
    run = a_move(small=True, settings={"frozen": True})
    run.start_operator()
    run.apply()
    run.until("Held by the installation", lambda _: run.condition("Held").get("reason") == "Frozen", SOON)
    time.sleep(10)
    nothing_moved(run)
