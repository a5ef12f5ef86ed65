"""A trial of live traffic, on a real API server: the workload's own move carries it out, it moves nobody and harms nobody, it ends the same wherever
the operator dies, and nothing is left of it when it is stopped."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fault.asked_trial import BUDGET, Asked, Mode, stage_of_trial
from fault.meanwhile import first, meanwhile
from fault.move_run import MOVE_SECONDS, SOON, MoveRun
from fault.proxy import Call
from fault.test_crash_at_every_write import LIFE_SECONDS, Point, Points, kept_alive, stage_of_move

pytestmark = pytest.mark.apiserver

STAYS = {"exploration": {"budget": "0.000001", "deadlineSeconds": 300}, "minSavingPercent": 90}
"""The workload tries no pool by itself, and no saving is large enough for it to move."""
LONG = 3600
"""Seconds for which requests come where the question cannot be decided."""
RUNS = 2


def asked(run: MoveRun, **spec: Any) -> Asked:
    return Asked(run, Mode.LIVE, **spec)


def shifting(a_move: Callable[..., MoveRun]) -> Asked:
    """One whose replica on the cheap pool answers users, for longer than a test takes: what is claimed is just what is so."""
    run = a_move(small=True, rebalancing=STAYS)
    run.start_operator()
    close = {"name": "close", "pool": run.dear, "metric": "UnitCost", "ratio": "2.75", "relativeTo": run.cheap}
    trial = asked(run, claims=[close], durationSeconds=LONG, deadlineSeconds=2 * LONG)
    trial.begin()
    run.until_step("Shift")
    return trial


def end_state(trial: Asked) -> dict[str, Any]:
    """What it leaves, without what depends on times and on chance."""
    run = trial.run
    history = [(h["to"].rsplit("-", 1)[0], h["outcome"], h["trial"].partition("/")[0]) for h in run.status().get("history", ())]
    return {**trial.end_state(), "history": history, "holds": (run.holds() or "").rsplit("-", 1)[0]}


@meanwhile
def test_the_users_own_requests_judge_the_claim_and_the_workload_stays_where_it_is(a_move):
    run = a_move(small=True, rebalancing=STAYS)
    run.start_operator()
    trial = asked(run)
    trial.begin()
    assert trial.to_its_end() == "Decided"
    status, rows = trial.status(), trial.rows()
    assert {row["phase"] for row in rows.values()} == {"Measured"}
    (verdict,) = status["claims"]
    assert (verdict["pool"], verdict["verdict"]) == (run.dear, "Refuted")
    assert all(row["steps"][0]["requests"] > 0 and "jobName" not in row for row in rows.values())
    assert float(status["spent"]) <= float(status["reserved"]) <= float(BUDGET)
    trial.until("what it left to be gone", trial.gone, SOON)
    assert run.holds() == run.dear
    assert run.world.lost == 0
    assert trial.moves() == [("Explored", "Explored")]
    (past,) = run.status()["history"]
    uid = run.cluster.api.get(trial.path)["metadata"]["uid"]
    assert past["trial"] == f"asked/{uid}"
    run.end_operators()


@meanwhile
def test_one_that_is_stopped_goes_back_and_keeps_what_it_knows(a_move):
    trial = shifting(a_move)
    trial.until("something to be known", lambda: "capacityPerReplica" in trial.rows()[trial.run.cheap])
    trial.apply(stop=True)
    assert trial.to_its_end(SOON) == "Stopped"
    trial.until("its replica to be gone", trial.gone, SOON)
    assert "capacityPerReplica" in trial.rows()[trial.run.cheap]
    assert trial.run.world.lost == 0
    trial.run.end_operators()


@first
@meanwhile
def test_wherever_the_operator_dies_a_live_trial_ends_the_same(a_move):
    def stage_of(call: Call) -> str | None:
        return stage_of_move(call) or stage_of_trial(call)

    golden_run = a_move(small=True, proxied=True, rebalancing=STAYS)
    assert golden_run.proxy
    recording = Points(golden_run, golden_run.proxy, stage_of=stage_of)
    golden_run.start_operator()
    golden = asked(golden_run)
    golden.begin()
    golden.to_its_end()
    golden.until("what it left to be gone", golden.gone, SOON)
    end = end_state(golden)
    kinds = {"acceleratortrials/status", "inferenceworkloads/status", "deployments", "deployments/scale"}
    begun = next(i for i, p in enumerate(recording.passed) if p.resource == "acceleratortrials/status")
    points = [p for p in recording.passed[begun:] if p.resource in kinds and p.number == 1]
    golden_run.end_operators()
    assert {p.resource for p in points} >= {"acceleratortrials/status", "inferenceworkloads/status", "deployments"}

    def die(share: list[Point]) -> tuple[list[Point], list[str]]:
        run = a_move(small=True, proxied=True, rebalancing=STAYS)
        assert run.proxy
        deadly = Points(run, run.proxy, share, stage_of=stage_of)
        trial = asked(run)
        with kept_alive(run):
            trial.begin()
            trial.to_its_end(MOVE_SECONDS + LIFE_SECONDS * len(share))
            trial.until("what it left to be gone", trial.gone, SOON)
            trial.until("the same end", lambda: end_state(trial) == end, SOON)
        wrong = []
        made = [e.name for e in run.writes() if (e.verb, e.resource, e.code) == ("create", "deployments", 201)]
        if len([name for name in made if name.startswith("model-cheap")]) != 1:
            wrong.append(f"it was not tried once: {made} were made")
        status = trial.status()
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
    print(f"died at {len(died_at)} of {len(points)} points")
    assert {point.resource for point in died_at} >= {"acceleratortrials/status", "inferenceworkloads/status", "deployments"}
