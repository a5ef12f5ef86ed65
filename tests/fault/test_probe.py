"""A trial that begins with a probe: no user's request comes to its target before it is measured, whoever dies meanwhile."""

from __future__ import annotations

from itertools import groupby

import pytest

from fault.meanwhile import first, meanwhile
from fault.move_run import DEAR_CPU, MOVE_SECONDS, SOON, MoveRun
from fault.test_crash_at_every_write import LIFE_SECONDS, Point, Points, kept_alive, never_died_at

pytestmark = pytest.mark.apiserver

ALWAYS = {"exploration": {"budget": "5.00", "deadlineSeconds": 300, "probe": "Always"}}
RUNS = 2


def steps(run: MoveRun) -> list[str]:
    """Of the move, one after another, as they were written down."""
    told = (e.request["status"] for e in run.writes() if e.resource == "inferenceworkloads/status" and e.request and e.code < 300)
    return [step for step, _ in groupby(status["move"]["step"] for status in told if status.get("move"))]


def probes(run: MoveRun) -> list[str]:
    """Names of the Jobs of probes that stand."""
    jobs = (job["metadata"] for job in run.listed("batch/v1/jobs"))
    return [meta["name"] for meta in jobs if meta["labels"].get("steelyard.dev/role") == "probe"]


@meanwhile
def test_a_trial_goes_from_its_probe_to_the_surge_and_on_and_leaves_no_job(a_move):
    run = a_move(small=True, rebalancing=ALWAYS)
    run.start_operator()
    run.apply()
    move = run.until_step("Probe")
    assert (move["sourceReplicas"], move["targetReplicas"]) == (1, 0)
    run.until_moved()
    found = steps(run)
    assert found[:3] == ["Probe", "Surge", "Shift"] and "Back" not in found
    assert len(run.world.probes) == 1 and {life.pool for life in run.world.probes.values()} == {run.cheap}
    (job,), (replica, *_) = run.places("create", "jobs", "probe"), run.places("create", "deployments", f"model-{run.cheap}")
    written = next(at for at, e in enumerate(run.writes()) if ((e.request or {}).get("status") or {}).get("move"))
    assert written < job < replica, "status, then the probe, and only then a replica that serves"
    assert probes(run) == []
    assert run.world.lost == 0
    run.end_operators()


@meanwhile
def test_a_target_that_breaks_the_promise_is_left_before_any_request_came_there(a_move):
    run = a_move(small=True, rebalancing=ALWAYS, cpu=(DEAR_CPU, 0.5))
    run.start_operator()
    run.apply()
    run.until("the end of the trial", lambda s: s.get("history") and not s.get("move"))
    status = run.status()
    assert [h["outcome"] for h in status["history"]] == ["RolledBack"]
    assert [q["pool"] for q in status["quarantine"]] == [run.cheap]
    run.until("its Job to be gone", lambda _: not probes(run), SOON)
    assert run.places("create", "deployments", f"model-{run.cheap}") == [], "no replica that serves was ever made"
    assert sum(run.world.counted(run.cheap).values()) == run.world.lost == 0
    run.end_operators()


@first
@meanwhile
def test_wherever_the_operator_dies_in_the_probe_the_move_ends_the_same_and_leaves_no_job(a_move):
    golden = a_move(small=True, proxied=True, rebalancing=ALWAYS)
    assert golden.proxy
    recording = Points(golden, golden.proxy)
    golden.start_operator()
    golden.apply()
    golden.until_moved()
    end, deeds = golden.end_state(), golden.deeds()
    points = [point for point in recording.passed if point.stage.startswith("Probe")]
    golden.end_operators()
    assert {(point.verb, point.resource) for point in points} >= {("create", "jobs"), ("patch", "inferenceworkloads/status")}
    # What ends the probe is written when the next step stands in the status.
    points += [point for point in recording.passed if (point.verb, point.resource) == ("delete", "jobs")]
    assert probes(golden) == []

    def die(share: list[Point]) -> tuple[list[Point], list[str]]:
        run = a_move(small=True, proxied=True, rebalancing=ALWAYS)
        assert run.proxy
        deadly = Points(run, run.proxy, share)
        with kept_alive(run):
            run.apply()
            run.until_moved(MOVE_SECONDS + LIFE_SECONDS * len(share))
            run.until("the same end", lambda _: run.end_state() == end, SOON)
        wrong = [f"the Jobs {left} are left"] if (left := probes(run)) else []
        if (found := run.deeds()) != deeds:
            wrong.append(f"other deeds: {found} instead of {deeds}")
        if run.world.lost:
            wrong.append(f"{run.world.lost} requests failed or came too late")
        return deadly.died_at, [f"{run.namespace} died at {deadly.died_at}: {each}" for each in wrong]

    never_died_at(points, die, RUNS)
