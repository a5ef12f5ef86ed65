"""A trial that a person asks for, on a real API server: it ends the same wherever the operator dies, and leaves nothing behind and no user harmed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from fault.asked_trial import BUDGET, Asked, stage_of_trial
from fault.meanwhile import first, meanwhile
from fault.move_run import MOVE_SECONDS, SOON, MoveRun
from fault.test_crash_at_every_write import LIFE_SECONDS, Point, Points, kept_alive

pytestmark = pytest.mark.apiserver

OBSERVE = {"mode": "Observe"}
RUNS = 2
LENGTHS = ["0.25", "2"]


def measuring(a_move: Callable[..., MoveRun]) -> Asked:
    """One whose replicas are both asked, for longer than a test takes."""
    run = a_move(small=True, rebalancing=OBSERVE)
    run.play.probe_seconds = MOVE_SECONDS
    run.start_operator()
    asked = Asked(run)
    asked.begin()
    asked.until("both to measure", lambda: asked.phases() == {"Measuring"})
    return asked


@meanwhile
def test_both_pools_are_measured_the_claim_is_judged_and_no_user_notices(a_move):
    run = a_move(small=True, rebalancing=OBSERVE)
    run.start_operator()
    asked = Asked(run)
    asked.begin()
    assert asked.to_its_end() == "Decided"
    status, rows = asked.status(), asked.rows()
    assert {row["phase"] for row in rows.values()} == {"Measured"}
    (verdict,) = status["claims"]
    assert (verdict["pool"], verdict["verdict"]) == (run.dear, "Refuted")
    assert float(verdict["lower"]) > float(verdict["claimed"])
    assert rows[run.dear]["from"] == rows[run.cheap]["from"], "over the same minutes"
    assert [step["ofPresent"] for step in rows[run.dear]["steps"]] == ["0.5", "1", "2"]
    assert [row["accuracy"] for row in rows.values()] == [{"measure": "LeastCosine", "value": "0.9999"}] * 2
    assert float(rows[run.cheap]["capacityPerReplica"]) > float(rows[run.dear]["capacityPerReplica"])
    assert float(status["spent"]) <= float(status["reserved"]) <= float(BUDGET)
    # No pod of it was ever behind a Service, and the workload is as it was.
    assert run.world.lost == 0
    assert run.holds() == run.dear and not run.status().get("move")
    asked.until("its replicas to have ended", lambda: not asked.running(), SOON)
    asked.until("the events of its begin and of its end", lambda: run.event_reasons("AcceleratorTrial") >= {"Measuring", "Decided"}, SOON)
    # Deleted, it takes its Jobs with it.
    run.cluster.api.delete(asked.path)
    asked.until("its pods to be gone", lambda: not asked.pods(), SOON)
    run.end_operators()


@meanwhile
def test_at_other_lengths_the_pools_are_measured_before_it_may_end_early_and_what_would_be_cut_is_told(a_move):
    """Requests have up to 64 tokens, and 32 are compiled for."""
    run = a_move(small=True, rebalancing=OBSERVE)
    run.play.probe_seconds, run.play.tells = 2 * MOVE_SECONDS, True
    run.start_operator()
    asked = Asked(run, load={"lengthFactors": LENGTHS})
    asked.begin()
    assert asked.to_its_end() == "Decided"
    status, rows = asked.status(), asked.rows()
    assert status["answeredTime"] and status["lengthSeconds"] > 0
    for row in rows.values():
        short, double = row["lengths"]
        assert float(short["capacityPerReplica"]) > 2 * float(row["capacityPerReplica"]) and short["unitCost"]
        assert double["message"].startswith("not measured: requests of up to") and "capacityPerReplica" not in double
    (claim,) = status["claims"]
    assert [each["factor"] for each in claim["lengths"]] == LENGTHS and claim["lengths"][1]["verdict"] == "Inconclusive"
    assert float(status["spent"]) < float(status["reserved"]) <= float(BUDGET)
    assert run.world.lost == 0
    run.end_operators()


@meanwhile
def test_it_ends_before_its_load_does_once_all_that_was_asked_is_answered(a_move):
    run = a_move(small=True, rebalancing=OBSERVE)
    run.play.probe_seconds, run.play.tells = 2 * MOVE_SECONDS, True
    run.start_operator()
    asked = Asked(run)
    asked.begin()
    assert asked.to_its_end() == "Decided"
    status, rows = asked.status(), asked.rows()
    assert status["answeredTime"] <= status["endedTime"]
    assert {row["phase"] for row in rows.values()} == {"Measured"}
    assert [[step["ofPresent"] for step in row["steps"]] for row in rows.values()] == [["1"], ["1"]], "all of the load, and no more"
    assert [claim["verdict"] for claim in status["claims"]] == ["Refuted"]
    assert float(status["spent"]) < float(status["reserved"])
    asked.until("its replicas to have ended", lambda: not asked.running(), SOON)
    assert run.world.lost == 0
    run.end_operators()


@meanwhile
def test_one_that_is_stopped_ends_its_replicas_and_keeps_what_it_knows(a_move):
    asked = measuring(a_move)
    run = asked.run
    asked.apply(stop=True)
    assert asked.to_its_end(SOON) == "Stopped"
    asked.until("its replicas to be gone", lambda: not asked.running(), SOON)
    assert float(asked.status()["spent"]) <= float(asked.status()["reserved"])
    run.end_operators()


@meanwhile
def test_a_server_that_crashes_costs_the_trial_that_pool_alone(a_move):
    run = a_move(small=True, rebalancing=OBSERVE)
    run.play.crashing.add(run.cheap)
    run.start_operator()
    asked = Asked(run)
    asked.begin()
    assert asked.to_its_end() == "ProbeFailed"
    rows = asked.rows()
    assert (rows[run.dear]["phase"], rows[run.cheap]["phase"]) == ("Measured", "Failed")
    assert rows[run.cheap]["message"]
    asked.until("its replicas to be gone", lambda: not asked.running(), SOON)
    assert run.world.lost == 0
    run.end_operators()


@meanwhile
def test_users_come_first_it_ends_when_the_workload_begins_to_miss_its_promise(a_move):
    asked = measuring(a_move)
    run = asked.run
    run.play.behaviours[run.dear].broken = 0.33
    assert asked.to_its_end() == "SLOAtRisk"
    asked.until("its replicas to be gone", lambda: not asked.running(), SOON)
    run.end_operators()


@first
@meanwhile
def test_wherever_the_operator_dies_the_trial_ends_the_same_and_costs_no_more(a_move):
    golden_run = a_move(small=True, proxied=True, rebalancing=OBSERVE)
    assert golden_run.proxy
    recording = Points(golden_run, golden_run.proxy, stage_of=stage_of_trial)
    golden_run.start_operator()
    golden = Asked(golden_run, load={"lengthFactors": LENGTHS})
    golden.begin()
    golden.to_its_end()
    golden.until("its replicas to be gone", lambda: not golden.running(), SOON)
    end = golden.end_state()
    points = [p for p in recording.passed if p.resource in {"acceleratortrials/status", "jobs"} and p.stage != "Start"]
    golden_run.end_operators()
    assert {(p.verb, p.resource) for p in points} >= {("create", "jobs"), ("patch", "acceleratortrials/status")}

    def die(share: list[Point]) -> tuple[list[Point], list[str]]:
        run = a_move(small=True, proxied=True, rebalancing=OBSERVE)
        assert run.proxy
        deadly = Points(run, run.proxy, share, stage_of=stage_of_trial)
        asked = Asked(run, load={"lengthFactors": LENGTHS})
        with kept_alive(run):
            asked.begin()
            asked.to_its_end(MOVE_SECONDS + LIFE_SECONDS * len(share))
            asked.until("the same end", lambda: asked.end_state() == end, SOON)
        made = [e for e in run.writes() if (e.verb, e.resource) == ("create", "jobs") and e.code == 201 and e.name.startswith("asked")]
        wrong = [] if len(made) == 2 else [f"{len(made)} Jobs were made"]
        status = asked.status()
        if float(status["spent"]) > float(status["reserved"]):
            wrong.append(f"{status['spent']} of {status['reserved']} were spent")
        if run.world.lost:
            wrong.append(f"{run.world.lost} requests failed or came too late")
        return deadly.died_at, [f"{run.namespace} died at {deadly.died_at}: {each}" for each in wrong]

    with ThreadPoolExecutor(RUNS) as pool:
        results = list(pool.map(die, [points[number::RUNS] for number in range(RUNS)]))
    wrong = [each for _, found in results for each in found]
    assert not wrong, "\n".join(wrong)
    died_at = [point for where, _ in results for point in where]
    assert died_at, "it died at least once"
