"""An advertised figure is judged on measurements, and the workload goes where they say."""

from __future__ import annotations

import pytest

from cluster.waiting import wait_until
from fault.meanwhile import first, meanwhile
from fault.move_run import SOON, MoveRun, pool_of

pytestmark = pytest.mark.apiserver

DEAR_AND_FAST = (0.0008, 0.0045)
"""CPU seconds a request: the dear pool's servers do more than five times the work at twice the price."""


def events(run: MoveRun, reason: str):
    """What was told of the workload with this reason."""
    return [e for e in run.listed("events.k8s.io/v1/events") if e["reason"] == reason and e["regarding"]["kind"] == "InferenceWorkload"]


@first
@meanwhile
def test_a_false_claim_is_refuted_with_its_numbers_and_the_workload_leaves_the_pool(a_move):
    run = a_move()
    run.start_operator()
    run.apply()
    run.until("a first placement", pool_of, SOON)
    assert run.holds() == run.dear, "it starts where the claim says"
    run.until_moved()
    (verdict,) = run.status()["claims"]
    assert (verdict["name"], verdict["pool"], verdict["verdict"]) == ("advertised", run.dear, "Refuted")
    assert verdict["n"] >= 100
    assert float(verdict["claimed"]) == 0.5
    # Three replicas at twice the price against two; at capacity the ratio is 2 * 5.13 / 3.4.
    assert 0.55 < float(verdict["lower"]) <= float(verdict["measured"]) <= float(verdict["upper"])
    assert float(verdict["measured"]) == pytest.approx(3.02, rel=0.15)
    told = wait_until("the event", lambda: events(run, "ClaimRefuted"), seconds=SOON)
    assert len(told) == 1
    assert "claimed 0.5, measured" in told[0]["note"]
    assert "n = " in told[0]["note"]
    assert not events(run, "ClaimConfirmed")
    assert run.world.lost == 0
    assert (run.world.margin or 0) >= 1, "never less ready than the load needs"


@meanwhile
def test_a_true_claim_is_confirmed_and_the_workload_ends_where_it_began(a_move):
    run = a_move(cpu=DEAR_AND_FAST, spec={"scaling": {"minReplicas": 1, "maxReplicas": 6}})
    run.play.opens_with = 1
    run.start_operator()
    run.apply()
    run.until("the end of the trial", lambda s: s.get("history") and not s.get("move"))
    status = run.status()
    assert [(h["outcome"], h["to"], h["reason"]) for h in status["history"]] == [("Explored", run.cheap, "NotCheaper")]
    assert run.holds() == run.dear
    assert not status.get("quarantine")
    run.until("a verdict", lambda s: [c for c in s.get("claims", ()) if c["verdict"] == "Confirmed" and c["n"] >= 100], SOON)
    wait_until("the event", lambda: events(run, "ClaimConfirmed"), seconds=SOON)
    assert not events(run, "ClaimRefuted")
    assert run.world.lost == 0
