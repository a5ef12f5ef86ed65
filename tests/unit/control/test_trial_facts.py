"""What the Job of a trial tells, what its status remembers, and whose its pods are."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from steelyard.api.accelerator_trial import POOLS_MAX, AcceleratorTrial
from steelyard.api.claim import CLAIMS_MAX
from steelyard.api.parse import parse
from steelyard.control.gather.trial_facts import replica_of, trial_of
from steelyard.control.gather.trial_progress import with_progress, with_word
from steelyard.core.decide_trial import TrialDecision
from steelyard.core.facts.accuracy import Accuracy, Measure
from steelyard.core.facts.probe import ProbeState, ProbeStep
from steelyard.core.facts.snapshot import Settings
from steelyard.core.facts.trial import SteadyStep, TrialPhase, TrialReplica
from steelyard.core.statistics.interval import Interval
from steelyard.render.probe_job import BEGIN_PORT
from steelyard.status.patch import changes
from steelyard.status.trial import status_of_trial, trial_memory_of
from steelyard_runtime.load.entry import Entry
from steelyard_runtime.load.length_ramp import LengthRamp
from steelyard_runtime.load.probe import Probe
from steelyard_runtime.load.probe_spec import Objective
from steelyard_runtime.load.probed_step import ProbedStep
from steelyard_runtime.load.rates import Share
from steelyard_runtime.load.steady_step import SteadyStep as SentStep
from unit.api.objects import GOOD, changed, trial
from unit.control.test_probe_facts import MADE, RESULT, RUNS, STEP, a_job, a_pod, at, ended
from unit.core.asked_trial import AskedTrial, half_of
from unit.core.test_asked_trial import asked
from unit.runtime.test_length_ramps import full
from unit.runtime.test_probe import spec_of

NOW = MADE + timedelta(minutes=5)
STEADY = {
    **STEP,
    "load": 24.0,
    "replicas": 3,
    "p95": 61.5,
    "mean": 25.25,
    "input": 1600,
    "output": 400,
    "joules": 12.5,
    "drawn": 81.5,
    "percent": 99,
    "took": [80.0, 75.5, 90],
}
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
    assert steady.mean_milliseconds == 25.25
    assert (steady.p95_milliseconds, steady.joules, steady.drawn, steady.input, steady.output) == (61.5, 12.5, 81.5, 1600, 400)
    assert (steady.percent, steady.took) == (99.0, Interval(80.0, 75.5, 90.0))
    assert found.began == MADE + timedelta(seconds=60) and found.ended == MADE + timedelta(seconds=100)
    assert found.address is None, "nobody listens there any more"


def test_while_it_runs_it_listens_and_it_is_paid_from_its_node_on() -> None:
    scheduled = [{"type": "PodScheduled", "status": "True", "lastTransitionTime": at(7)}]
    found = told(a_pod(server=RUNS, generator=RUNS, podIP="10.0.0.7", conditions=scheduled))
    assert found.probe.state is ProbeState.RUNNING
    assert found.address == f"http://10.0.0.7:{BEGIN_PORT}" and found.scheduled == MADE + timedelta(seconds=7)
    assert told(a_pod(server=RUNS, podIP="10.0.0.7")).address is None, "its server is not ready"
    assert told(a_pod(server=RUNS, generator=RUNS, podIP="fd00::7")).address == f"http://[fd00::7]:{BEGIN_PORT}"


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
    *([{**STEADY, "took": took}] for took in (3, [], [1, 2], [1, 2, 3], [1, 0, 2], [2, 1, "x"], [2, 1, float("inf")])),
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


def test_a_spec_says_at_which_other_lengths_and_none_of_the_users_own() -> None:
    for load, factors in (({"lengthFactors": ["0.5", "2"]}, (0.5, 2.0)), ({}, ()), ({"mode": "Live"}, ())):
        parsed = parse(AcceleratorTrial, changed(GOOD["AcceleratorTrial"](), {"spec.load": load}))
        assert isinstance(parsed, AcceleratorTrial)
        assert trial_of(parsed, {"metadata": {"name": "half", "namespace": "shop"}}, NOW).length_factors == factors


# Other lengths

LONGER = {
    "factor": 2,
    "steps": [[10, 20.0, 200, 0, 0, 30.1, 61.2], [40, 20.0, 90, 700, 10, 900, 2000.5]],
    "finished": [1, *[30] * 20],
    "over": True,
}


def test_a_ramp_at_another_length_is_told_in_short() -> None:
    (found,) = said(lengths=[LONGER]).lengths
    assert (found.factor, found.over, found.message) == (2.0, True, "")
    kept, broke = found.steps
    assert (kept.rate, kept.seconds, kept.good, kept.slow, kept.error, kept.shed) == (10, 20.0, 200, 0, 0, 0)
    assert (kept.p50_milliseconds, kept.p99_milliseconds, kept.finished) == (30.1, 61.2, ())
    assert (broke.good, broke.slow, broke.error, broke.finished) == (90, 700, 10, (30,) * 20)


def test_one_that_goes_on_and_one_that_says_nothing_are_told_as_that() -> None:
    going, useless = said(
        lengths=[{"factor": 0.5, "steps": []}, {"factor": 2, "steps": [], "over": True, "message": "it\n was cut"}]
    ).lengths
    assert (going.steps, going.over) == ((), False)
    assert (useless.steps, useless.over, useless.message) == ((), True, "it was cut")


@pytest.mark.parametrize(
    "lengths",
    [
        None,
        3,
        {},
        [3],
        [{}],
        [{**LONGER, "factor": 0}],
        [{**LONGER, "factor": "x"}],
        [{**LONGER, "steps": 3}],
        [{**LONGER, "steps": [3]}],
        [{**LONGER, "steps": [[10, 20.0, 200]]}],
        [{**LONGER, "steps": [[10, 20.0, -1, 0, 0, 1, 1]]}],
        [{**LONGER, "steps": [LONGER["steps"][0]] * 33}],  # type: ignore[index]
        [{**LONGER, "finished": 3}],
        [{**LONGER, "finished": [1, "x"]}],
    ],
)
def test_ramps_that_cannot_be_read_are_left_out_and_the_rest_stays(lengths: Any) -> None:
    found = said(lengths=lengths)
    assert found.lengths == () and len(found.steady) == 1
    if isinstance(lengths, list):
        assert len(said(lengths=[*lengths, LONGER]).lengths) == 1


def test_what_a_generator_tells_of_other_lengths_is_what_was_sent() -> None:
    """By the runtime's own words, of a step in which the server was full as well."""
    sent = LengthRamp(0.5, [full(123.4567, 30.0, 3700, 9)], over=True, why="")
    (found,) = said(lengths=[sent.told()]).lengths
    (step,) = found.steps
    assert (step.rate, step.good, step.slow, step.error) == (123.4567, 3700, 3700, 3700)
    assert len(step.finished) == 20 and sum(step.finished) == sum(sent.steps[0].finished)


# The status


def with_accuracy(decision: TrialDecision) -> TrialDecision:
    dear, cheap = decision.memory.rows
    return replace(decision, memory=replace(decision.memory, rows=(dear, replace(cheap, accuracy=Accuracy(Measure.WORST_LOGPROB, 0.012)))))


def looks() -> dict[str, tuple[AskedTrial, TrialDecision]]:
    """Decisions at several moments of a trial."""
    waits = asked(pools=("dear", "none"))
    waits.world.grounds["dear"].compiled = False
    begun = asked(claims=(half_of("cheap", "dear", 0.3),), watts={"cheap": 200.0}, took={"cheap": 61.7})
    first = begun.look()
    begun.until(lambda: begun.row("cheap").phase is TrialPhase.MEASURING)
    measuring = begun.decisions[-1]
    begun.to_its_end()
    failed = asked(fails={"cheap": "exit code 1"})
    failed.to_its_end()
    longer = asked(claims=(half_of("cheap", "dear", 0.3),), budget=5.0, length_factors=(0.5, 8.0), slower={"cheap": 2.0})
    longer.to_its_end()
    return {
        "waits": (waits, waits.look()),
        "begins": (begun, first),
        "measures": (begun, measuring),
        "has ended": (begun, with_accuracy(begun.decisions[-1])),
        "has failed on a pool": (failed, failed.decisions[-1]),
        "has ended with other lengths": (longer, longer.decisions[-1]),
    }


LOOKS = looks()


def written(decision: TrialDecision, old: dict[str, Any] | None = None) -> dict[str, Any]:
    return status_of_trial(decision, SETTINGS, JOBS, old or {}, 1, NOW)


def test_a_status_has_room_for_a_verdict_on_each_claim_of_all_its_pools() -> None:
    decision = LOOKS["has ended"][1]
    one, pools = decision.memory.verdicts[0], [f"pool-{n}" for n in range(POOLS_MAX)]
    each = tuple(replace(one, verdict=replace(one.verdict, pool=pool, name=f"claim-{n}")) for pool in pools for n in range(CLAIMS_MAX))
    status = written(replace(decision, memory=replace(decision.memory, verdicts=each)))
    parsed = parse(AcceleratorTrial, {**trial(), "status": status})
    assert isinstance(parsed, AcceleratorTrial), parsed
    assert len(trial_memory_of(status).verdicts) == len(each)


@pytest.mark.parametrize("name", LOOKS)
def test_what_is_written_is_taken_and_is_what_is_remembered(name: str) -> None:
    _, decision = LOOKS[name]
    status = written(decision)
    parsed = parse(AcceleratorTrial, {**trial(), "status": status})
    assert isinstance(parsed, AcceleratorTrial), parsed
    read, memory = trial_memory_of(status), decision.memory
    assert (read.started, read.begin, read.ended, read.load_seconds) == (memory.started, memory.begin, memory.ended, memory.load_seconds)
    assert read.answered == memory.answered
    assert (read.finished, read.said) == (memory.finished, memory.said)
    assert read.load == pytest.approx(memory.load)
    for row, before in zip(read.rows, memory.rows, strict=True):
        assert (row.pool, row.phase, row.message, row.revision) == (before.pool, before.phase, before.message, before.revision)
        assert (row.backend, row.image, row.devices) == (before.backend, before.image, before.devices)
        assert row.each == before.each and row.capacity == before.capacity and row.saturation == before.saturation
        assert row.accuracy == before.accuracy
        assert row.energy == before.energy and row.percentile == before.percentile
        assert row.lengths == before.lengths
        assert name != "has ended" or (row.energy is not None and row.percentile is not None) == (row.pool == "cheap")
    assert [v.verdict.verdict for v in read.verdicts] == [v.verdict.verdict for v in memory.verdicts]
    assert [v.lengths for v in read.verdicts] == [v.lengths for v in memory.verdicts]
    assert read.length_seconds == memory.length_seconds
    assert changes(status, written(decision, status)) is None, "nothing is written twice"


def test_a_pool_says_what_served_there_and_a_step_how_long_how_many_failed_and_how_long_requests_were() -> None:
    _, decision = LOOKS["has ended"]
    row = decision.memory.rows[0]
    step = ProbeStep(rate=8, seconds=200, good=40, slow=5, error=2, shed=1)
    text = replace(row, steady=(SteadyStep(load=24, replicas=3, step=step, mean_milliseconds=25.25, input=1600, output=400),))
    pieces = replace(row, steady=(SteadyStep(load=24, replicas=3, step=step, output=0),))
    for_text, for_pieces = (
        written(replace(decision, memory=replace(decision.memory, rows=(each,))))["pools"][0] for each in (text, pieces)
    )
    assert (for_text["backend"], for_text["image"], for_text["devices"]) == (row.backend, row.image, f"{row.devices:g}")
    (told,), (other,) = for_text["steps"], for_pieces["steps"]
    assert (told["seconds"], told["requests"], told["failed"], told["meanMilliseconds"]) == ("200", 48, 3, "25.25")
    assert (told["inputTokens"], told["outputTokens"]) == ("40", "10")
    assert not {"meanMilliseconds", "inputTokens", "outputTokens"} & set(other), "nothing is generated, and the rest is not told"


def test_what_a_pool_costs_at_another_length_is_told_with_its_interval_and_with_that_of_tokens() -> None:
    """Half as long, so that half of the tokens are paid by what the request costs."""
    _, decision = LOOKS["has ended with other lengths"]
    step = ProbeStep(rate=8, seconds=200, good=40, slow=5, error=2, shed=1)
    row = replace(decision.memory.rows[0], steady=(SteadyStep(load=24, replicas=3, step=step, input=1600, output=400),))
    told = written(replace(decision, memory=replace(decision.memory, rows=(row,))))["pools"][0]
    half, eightfold = told["lengths"]
    cost, capacity = half["unitCost"], float(half["capacityPerReplica"])
    assert float(cost["value"]) == pytest.approx(1000 * 1.0 / 3600 / capacity, rel=1e-4)
    assert float(cost["lower"]) < float(cost["value"]) < float(cost["upper"])
    assert float(cost["inputTokens"]["value"]) == pytest.approx(float(cost["value"]) * 1000 / (0.5 * 40), rel=1e-3)
    assert set(eightfold) == {"factor", "message"} and eightfold["message"].startswith("not measured")
    row = replace(row, steady=())
    again = written(replace(decision, memory=replace(decision.memory, rows=(row,))), {"pools": [{**told, "phase": "Measuring"}]})
    assert again["pools"][0]["lengths"] == told["lengths"], "steady loads that are not told any more take nothing back"


def test_what_was_found_on_a_pool_stands_as_it_was_written_once() -> None:
    """The steps are not read back; they are not lost for that."""
    _, decision = LOOKS["has ended"]
    status = written(decision)
    assert all(row["steps"] for row in status["pools"])
    again = replace(decision, memory=trial_memory_of(status))
    assert changes(status, written(again, status)) is None


def test_what_a_generator_told_once_stays_in_the_status_where_it_is_not_heard_for_a_while() -> None:
    trial = asked(claims=(half_of("cheap", "dear", 0.5 / 1.1),))
    trial.until(lambda: trial.jobs and trial.row("cheap").steady and trial.row("dear").steady)
    status = written(trial.decisions[-1])
    trial.memory, trial.mute = trial_memory_of(status), True
    later = written(trial.look(), status)
    assert [row["phase"] for row in later["pools"]] == ["Measuring"] * 2
    for row, before in zip(later["pools"], status["pools"], strict=True):
        assert row["steps"] == before["steps"] != [] and row["unitCost"] == before["unitCost"]


@pytest.mark.parametrize("seed", range(2))
def test_what_is_found_at_other_lengths_is_the_same_where_each_pass_begins_with_what_the_status_says(seed: int) -> None:
    """An operator dies after each write; a word is lost, or a generator is not heard, half of the time."""
    longer: dict[str, Any] = {
        "claims": (half_of("cheap", "dear", 0.3),),
        "budget": 5.0,
        "length_factors": (0.5, 2.0),
        "slower": {"cheap": 2.0},
    }
    lived, died, chance, status = asked(**longer), asked(**longer), random.Random(seed), dict[str, Any]()
    lived.to_its_end()
    while not died.finished:
        died.mute, died.deaf = chance.random() < 0.5, chance.random() < 0.5
        before, status = status, written(died.look(), status)
        died.memory = trial_memory_of(status)
        for row, old in zip(status["pools"], before.get("pools", ()), strict=False):
            for now, then in zip(row["lengths"], old.get("lengths", ()), strict=True):
                assert "capacityPerReplica" not in then or now == then, "what was told is neither taken back nor told otherwise"
    assert [row.lengths for row in died.memory.rows] == [row.lengths for row in lived.memory.rows]
    assert died.memory.verdicts[0].lengths == lived.memory.verdicts[0].lengths
    assert (died.memory.reserved, died.memory.length_seconds) == (lived.memory.reserved, lived.memory.length_seconds)
    assert len(died.made) == len(died.pools), "no Job is made twice"


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("ratio", "word"), [(0.3, "Refuted"), (0.5 / 1.1, "Inconclusive")])
def test_whoever_is_heard_when_each_pass_begins_with_what_the_status_says_and_the_answer_is_the_same(
    seed: int, ratio: float, word: str
) -> None:
    """A word is lost, or a generator is not heard, half of the time."""
    chance, status = random.Random(seed), dict[str, Any]()
    trial = asked(claims=(half_of("cheap", "dear", ratio),), watts={"cheap": 200.0}, took={"cheap": 61.7})
    spent = 0.0
    while not trial.finished:
        trial.mute, trial.deaf = chance.random() < 0.5, chance.random() < 0.5
        before, status = status, written(trial.look(), status)
        trial.memory = trial_memory_of(status)
        if trial.memory.started is not None:
            assert spent <= float(status["spent"]) <= float(status["reserved"])
            spent = float(status["spent"])
        for row, old in zip(status["pools"], before.get("pools", ()), strict=False):
            assert len(row.get("steps", ())) >= len(old.get("steps", ())), "what was told is not taken back"
            assert "capacityPerReplica" not in old or row["capacityPerReplica"] == old["capacityPerReplica"]
    assert status["conditions"][0]["reason"] == ("Decided" if word == "Refuted" else "BudgetSpent")
    assert [claim["verdict"] for claim in status["claims"]] == [word]
    assert ("answeredTime" in status) <= (word == "Refuted")
    for row in status["pools"]:
        assert row["phase"] == "Measured" and "1" in [step["ofPresent"] for step in row["steps"]]
        assert ("energy" in row, "latency" in row) == (row["pool"] == "cheap",) * 2


# Its progress

MEANWHILE = {"state": "Measuring", "begin": MADE.timestamp(), "began": MADE.timestamp() + 60, **{k: RESULT[k] for k in ("steps",)}}
ASKING = a_pod(server=RUNS, generator=RUNS, podIP="10.0.0.7")


def heard(word: dict[str, Any] | None) -> TrialReplica:
    return with_word(told(ASKING), word)


def test_while_it_asks_it_tells_what_has_ended_as_its_last_word_will() -> None:
    ramping, ramped = heard({**MEANWHILE, "ramped": False}), heard({**MEANWHILE, "ramped": True, "steady": [STEADY]})
    last = said(steady=[STEADY])
    assert ramping.probe.state is ramped.probe.state is ProbeState.RUNNING
    assert (ramping.ramped, ramping.steady, ramping.began) == (False, (), last.began)
    assert (ramped.probe.steps, ramped.steady, ramped.ramped) == (last.probe.steps, last.steady, last.ramped) and last.ramped


@pytest.mark.parametrize(
    "word",
    [
        None,
        {},
        {"steps": []},
        {"steps": 3},
        {"steps": [{}]},
        {"steps": [STEP] * 33},
        {"ramped": True, "steady": [STEADY]},
        {"steps": [{**STEP, "good": -1}]},
    ],
)
def test_one_that_tells_nothing_sensible_has_told_nothing_yet(word: dict[str, Any] | None) -> None:
    assert heard(word) == told(ASKING)


def test_what_a_generator_tells_is_what_is_read() -> None:
    probe = Probe(spec_of(begin={"by": MADE.timestamp(), "port": BEGIN_PORT}, steady={"loads": [24], "seconds": 60}))
    step = ProbedStep(8.0, (Objective("e2e", 2.0, 0.5),), 30.0, seconds=60.0)
    for number in range(480):
        step.add(Entry(number, 0.0, 0.0, 0.1 + number / 480, 200, "", 0, input=3, output=7))
    probe.steps, probe.steady, probe.began = [step], [SentStep(Share(24.0, 3, 8.0), step, 600.0, 61.0)], MADE.timestamp() + 60
    probe.ramped.set()
    found = heard(json.loads(json.dumps({**probe._found(), "ramped": probe.ramped.is_set()})))
    (ramp,), (steady,) = found.probe.steps, found.steady
    assert found.ramped and found.began == MADE + timedelta(seconds=60)
    assert (ramp.rate, ramp.seconds, ramp.good) == (8.0, 60.0, 480) and steady.step == replace(ramp, finished=steady.step.finished)
    assert (steady.load, steady.replicas, steady.joules, steady.drawn, steady.input, steady.output) == (24.0, 3, 600.0, 61.0, 1440, 3360)
    assert steady.percent == 50.0 and steady.took is not None and steady.took.lower < 600.0 < steady.took.upper


@pytest.mark.parametrize("ramped", [None, "yes", 1, []])
def test_a_ramp_is_over_where_it_is_said_so_and_nowhere_else(ramped: Any) -> None:
    assert not heard({**MEANWHILE, "ramped": ramped}).ramped


@pytest.mark.parametrize(("begins", "asked_for"), [(-5, ["http://a:8081/progress", "http://b:8081/progress"]), (5, [])])
async def test_all_that_were_to_have_begun_are_asked_and_one_that_is_silent_keeps_nobody_waiting(begins: int, asked_for: list[str]) -> None:
    trial = asked()
    replica = told(ASKING)
    replicas = {
        "dear": replace(replica, address="http://a:8081"),
        "cheap": replace(replica, address="http://b:8081"),
        "x": replace(replica, address=None),
    }
    memory = replace(trial.memory, begin=trial.now + timedelta(seconds=begins))
    fetched: list[str] = []

    async def fetch(url: str) -> dict[str, Any] | None:
        fetched.append(url)
        return {**MEANWHILE, "ramped": True} if url.startswith("http://b") else None

    found = await with_progress(replace(trial.snapshot(), replicas=replicas, memory=memory), fetch, trial.now)
    assert fetched == asked_for
    assert {pool: r.ramped for pool, r in found.replicas.items()} == {"dear": False, "cheap": bool(asked_for), "x": False}


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


@pytest.mark.parametrize(("told", "kept"), [(1200, 1200), (604_800, 604_800), (2**53, None)])
def test_a_length_of_the_load_of_which_no_moment_can_be_worked_out_is_not_remembered(told: int, kept: int | None) -> None:
    assert trial_memory_of({"loadSeconds": told}).load_seconds == kept
