"""What the Job of a trial tells, what its status remembers, and whose its pods are."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from steelyard.api.accelerator_trial import AcceleratorTrial
from steelyard.api.parse import parse
from steelyard.control.gather.trial_facts import replica_of, trial_of
from steelyard.control.gather.trial_snapshots import TrialSnapshots
from steelyard.core.compiling.candidate import candidates
from steelyard.core.decide_trial import TrialDecision
from steelyard.core.facts.probe import ProbeState
from steelyard.core.facts.snapshot import Settings
from steelyard.core.facts.trial import TrialPhase, TrialReplica
from steelyard.render.probe_job import BEGIN_PORT
from steelyard.status.patch import changes
from steelyard.status.trial import status_of_trial, trial_memory_of
from unit.api.objects import GOOD, trial
from unit.control.test_probe_facts import MADE, RESULT, RUNS, STEP, a_job, a_pod, at, ended
from unit.core.asked_trial import AskedTrial, half_of
from unit.core.test_asked_trial import asked

NOW = MADE + timedelta(minutes=5)
STEADY = {**STEP, "load": 24.0, "replicas": 3, "p95": 61.5, "input": 1600, "output": 400, "joules": 12.5}
SETTINGS = Settings(toolchains={}, store_uri="s3://bucket")
JOBS = {"dear": "asked-0", "cheap": "asked-1", "none": "asked-2"}


def told(pod: dict[str, Any] | None, job: dict[str, Any] | None = None) -> TrialReplica:
    found = replica_of(job or a_job(), pod, {}, NOW)
    assert found is not None
    return found


def said(**changes: Any) -> TrialReplica:
    message = json.dumps({**RESULT, "began": MADE.timestamp() + 60, "steady": [STEADY], **changes})
    return told(a_pod(server=RUNS, generator=ended(message)))


def test_its_result_has_the_ramp_the_steady_loads_and_when_it_began() -> None:
    found = said()
    assert found.probe.state is ProbeState.DONE and len(found.probe.steps) == 2
    (steady,) = found.steady
    assert (steady.load, steady.replicas, steady.step.offered) == (24.0, 3, 80)
    assert (steady.p95_milliseconds, steady.joules, steady.input, steady.output) == (61.5, 12.5, 1600, 400)
    assert found.began == MADE + timedelta(seconds=60) and found.ended == MADE + timedelta(seconds=100)
    assert found.address is None, "nobody listens there any more"


def test_while_it_runs_it_listens_and_it_is_paid_from_its_node_on() -> None:
    scheduled = [{"type": "PodScheduled", "status": "True", "lastTransitionTime": at(7)}]
    found = told(a_pod(server=RUNS, generator=RUNS, podIP="10.0.0.7", conditions=scheduled))
    assert found.probe.state is ProbeState.RUNNING
    assert found.address == f"http://10.0.0.7:{BEGIN_PORT}" and found.scheduled == MADE + timedelta(seconds=7)
    assert told(a_pod(server=RUNS, podIP="10.0.0.7")).address is None, "its server is not ready"


WRONG = [
    None,
    3,
    "x",
    {},
    [],
    [3],
    [{}],
    [{**STEADY, "load": 0}],
    [{**STEADY, "replicas": 0}],
    [{**STEADY, "replicas": 1e12}],
    [{**STEADY, "good": -1}],
]


@pytest.mark.parametrize("steady", WRONG)
def test_steady_loads_that_cannot_be_read_are_left_out_and_the_ramp_stays(steady: Any) -> None:
    found = said(steady=steady)
    assert found.steady == () and len(found.probe.steps) == 2


def test_of_several_steady_loads_the_one_that_cannot_be_read_is_left_out() -> None:
    assert [each.load for each in said(steady=[{"load": "x"}, STEADY]).steady] == [24.0]


@pytest.mark.parametrize("began", [None, "soon", True, -1, 0, 1e300, float("inf")])
def test_a_beginning_that_is_no_moment_is_not_known(began: Any) -> None:
    assert said(began=began).began is None


def test_a_job_that_is_leaving_tells_nothing() -> None:
    job = a_job()
    job["metadata"]["deletionTimestamp"] = at(3)
    assert replica_of(job, None, {}, NOW) is None


def test_a_spec_is_what_its_object_says() -> None:
    parsed = parse(AcceleratorTrial, GOOD["AcceleratorTrial"]())
    assert isinstance(parsed, AcceleratorTrial)
    meta = {"name": "half", "namespace": "shop", "uid": "u", "generation": 2, "creationTimestamp": at(0)}
    found = trial_of(parsed, {"metadata": meta}, datetime(2027, 1, 1, tzinfo=UTC))
    assert (found.created, found.budget, found.duration_seconds, found.deadline_seconds) == (MADE, 2.0, 1200, 7200)
    (claim,) = found.claims
    assert (claim.pool, claim.claim.ratio, claim.claim.relative_to, claim.claim.model) == ("inf2-xlarge", 0.5, "g5-xlarge", "*")


# The status


def looks() -> dict[str, tuple[AskedTrial, TrialDecision]]:
    """Decisions at several moments of a trial."""
    waits = asked(pools=("dear", "none"))
    waits.world.grounds["dear"].compiled = False
    begun = asked(claims=(half_of("cheap", "dear", 0.3),))
    first = begun.look(cosines=dict.fromkeys((each.key or "" for each in candidates(begun.world.snapshot())), 0.9989))
    begun.until(lambda: begun.row("cheap").phase is TrialPhase.MEASURING)
    measuring = begun.decisions[-1]
    begun.to_its_end()
    failed = asked(fails={"cheap": "exit code 1"})
    failed.to_its_end()
    return {
        "waits": (waits, waits.look()),
        "begins": (begun, first),
        "measures": (begun, measuring),
        "has ended": (begun, begun.decisions[-1]),
        "has failed on a pool": (failed, failed.decisions[-1]),
    }


LOOKS = looks()


def written(decision: TrialDecision, old: dict[str, Any] | None = None) -> dict[str, Any]:
    return status_of_trial(decision, SETTINGS, JOBS, old or {}, 1, NOW)


@pytest.mark.parametrize("name", LOOKS)
def test_what_is_written_is_taken_and_is_what_is_remembered(name: str) -> None:
    _, decision = LOOKS[name]
    status = written(decision)
    parsed = parse(AcceleratorTrial, {**trial(), "status": status})
    assert isinstance(parsed, AcceleratorTrial), parsed
    read, memory = trial_memory_of(status), decision.memory
    assert (read.started, read.begin, read.ended, read.load_seconds) == (memory.started, memory.begin, memory.ended, memory.load_seconds)
    assert (read.finished, read.said) == (memory.finished, memory.said)
    assert read.load == pytest.approx(memory.load)
    for row, before in zip(read.rows, memory.rows, strict=True):
        assert (row.pool, row.phase, row.message, row.revision) == (before.pool, before.phase, before.message, before.revision)
        assert row.each == before.each and row.capacity == before.capacity and row.saturation == before.saturation
    assert [v.verdict.verdict for v in read.verdicts] == [v.verdict.verdict for v in memory.verdicts]
    assert changes(status, written(decision, status)) is None, "nothing is written twice"


def test_what_was_found_on_a_pool_stands_as_it_was_written_once() -> None:
    """The steps are not read back; they are not lost for that."""
    _, decision = LOOKS["has ended"]
    status = written(decision)
    assert all(len(row["steps"]) == 3 for row in status["pools"])
    again = replace(decision, memory=trial_memory_of(status))
    assert changes(status, written(again, status)) is None


def test_no_verdict_is_shown_in_short_before_there_is_one() -> None:
    assert written(LOOKS["measures"][1])["summary"] == ""
    assert written(LOOKS["has ended"][1])["summary"].endswith("Refuted")


@pytest.mark.parametrize(
    "broken",
    [
        {"pools": "x", "claims": 3, "conditions": "x"},
        {"pools": [{"pool": "p"}, {"phase": "Measured"}, {"pool": "p", "phase": "OfAnotherVersion"}]},
        {"reserved": "much", "load": [], "startedTime": "soon", "beginTime": 3, "loadSeconds": "long"},
        {"pools": [{"pool": "p", "phase": "Measured", "capacityPerReplica": "9", "capacityLower": "10", "capacityUpper": "8"}]},
    ],
)
def test_what_cannot_be_read_is_not_remembered_and_never_raises(broken: dict[str, Any]) -> None:
    read = trial_memory_of(broken)
    assert (read.started, read.finished) == (None, "")
    assert all(row.capacity is None for row in read.rows)


@pytest.mark.parametrize("reason", [None, "OfAnotherVersion", 3, []])
def test_what_has_ended_for_a_reason_that_cannot_be_read_is_not_begun_again(reason: Any) -> None:
    status = {"conditions": [{"type": "Finished", "status": "True", "reason": reason}]}
    trial = asked()
    trial.memory = trial_memory_of(status)
    decision = trial.look()
    assert decision.over and decision.jobs == ()


def test_a_trial_is_told_how_long_each_compile_took_and_how_near_it_is_to_the_model_as_it_is() -> None:
    compiled = [
        {"spec": {"key": "a"}, "status": {"seconds": "12.4", "artifact": {"cosineMin": "0.9989"}}},
        {"spec": {"key": "b"}, "status": {"seconds": 3}},
        {"spec": {"key": "c"}},
    ]
    store, reader = SimpleNamespace(all=lambda *_: compiled), SimpleNamespace(read=lambda _, raw, found: found(raw))
    snapshots = TrialSnapshots(store, None, reader, lambda: True)  # type: ignore[arg-type]
    assert snapshots._compiled(asked().trial) == ({"a": 12, "b": 3}, {"a": 0.9989})


def test_how_near_a_pool_is_to_the_model_stays_in_the_status_until_its_end() -> None:
    told = {row["pool"]: row.get("cosineMin") for row in written(LOOKS["has ended"][1])["pools"]}
    assert told == {"dear": "0.9989", "cheap": "0.9989"}
    assert all("cosineMin" not in row for row in written(LOOKS["has failed on a pool"][1])["pools"])
