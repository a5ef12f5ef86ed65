"""A trial at other lengths: whether a claim holds there, inside of the money that was set aside, and never by requests that are not so long."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steelyard.core.facts.capacity import Basis
from steelyard.core.facts.claim import Claim, ClaimMetric, OperatingPoint
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import VerdictWord
from steelyard.core.facts.model_memory import ModelMemory
from steelyard.core.facts.probe import Lengths, Probe, ProbeState, ProbeStep
from steelyard.core.facts.snapshot import Artifact, ArtifactState, CompileOptions, LatencyObjective, VllmOptions
from steelyard.core.facts.trial import AskedLoad, AtLength, LengthRamp, PoolClaim, TrialPhase, TrialReplica, TrialRow
from steelyard.core.placing.analysis import Analysis, analysis
from steelyard.core.replay.codec import plain, rebuilt
from steelyard.core.trials.carried import FEW
from steelyard.core.trials.lengths import AROUND, at_lengths, lengths_asked
from steelyard.core.trials.look import TrialSnapshot
from steelyard.core.trials.sent import AT_LENGTH, beside, least_beside, length_ramps_of, within
from steelyard.core.vocabulary.reason import Reason
from steelyard.core.vocabulary.task import GRAPHS, READ_APART
from steelyard_runtime.tasks.text_ranking import DOCUMENTS
from unit.core.asked_trial import AskedTrial, half_of
from unit.core.test_asked_trial import world
from unit.core.world import START, Ground, World, quick

WITHIN = 0.2
"""Of the truth, that a capacity is found by a short ramp."""
CONFIRMED, REFUTED, OPEN = VerdictWord.CONFIRMED, VerdictWord.REFUTED, VerdictWord.INCONCLUSIVE


def asked(*factors: float, **changes: object) -> AskedTrial:
    return AskedTrial(world=world(), length_factors=factors, **{"budget": 20.0, **changes})  # type: ignore[arg-type]


def at(trial: AskedTrial, pool: str, factor: float) -> AtLength:
    return next(each for each in trial.row(pool).lengths if each.factor == factor)


def words(trial: AskedTrial) -> dict[float, VerdictWord]:
    """Of the only claim, with the lengths as they are and at each other."""
    (found,) = trial.memory.verdicts
    return {1: found.verdict.verdict} | {each.factor: each.verdict for each in found.lengths}


# What it finds


def test_a_claim_that_holds_with_short_requests_alone_is_true_false_and_false_as_it_truly_is() -> None:
    """Work grows with the square of the lengths on the cheap pool, and with the lengths on the other: 0.25, 0.5 and 1 of the cost."""
    trial = asked(0.5, 2, claims=(half_of("cheap", "dear", 0.3),), slower={"cheap": 2.0})
    assert trial.to_its_end() == Reason.DECIDED
    assert words(trial) == {1: REFUTED, 0.5: CONFIRMED, 2: REFUTED}
    (found,) = trial.memory.verdicts
    assert [each.measured for each in found.lengths] == [pytest.approx(0.25, rel=WITHIN), pytest.approx(1.0, rel=WITHIN)]
    assert all(each.lower and each.upper and each.lower <= each.measured <= each.upper for each in found.lengths if each.measured)
    assert all(each.n > 0 for each in found.lengths)


def test_a_claim_that_holds_at_all_lengths_flips_at_none() -> None:
    trial = asked(0.5, 2, claims=(half_of("cheap", "dear", 0.8),), slower={"cheap": 1.1, "dear": 1.1})
    assert trial.to_its_end() == Reason.DECIDED
    assert words(trial) == {1: CONFIRMED, 0.5: CONFIRMED, 2: CONFIRMED}


def test_where_the_interval_covers_what_is_claimed_the_claim_stays_open_at_that_length() -> None:
    trial = asked(2, claims=(half_of("cheap", "dear", 0.3),), slower={"cheap": 1.0 - 0.6})
    assert trial.to_its_end() == Reason.DECIDED
    assert words(trial) == {1: REFUTED, 2: OPEN}, "0.33 of the cost there, and 0.33 is what is claimed with its tolerance"


def test_each_pool_is_told_what_a_replica_carries_at_each_length() -> None:
    trial = asked(0.5, 2, slower={"cheap": 2.0})
    trial.to_its_end()
    for pool, speed, power in (("dear", 10.0, 1.0), ("cheap", 20.0, 2.0)):
        for factor in (0.5, 2.0):
            found = at(trial, pool, factor).capacity
            assert found is not None and found.basis is Basis.PROBED and found.n > FEW
            assert found.rate.point == pytest.approx(0.9 * speed * factor**-power, rel=WITHIN)


@pytest.mark.parametrize("power", [0.0, 2.0], ids=["not at all", "with the square"])
def test_work_that_grows_with_the_lengths_not_at_all_or_with_the_square_is_measured(power: float) -> None:
    trial = asked(0.5, 2, slower={"cheap": power, "dear": power})
    trial.to_its_end()
    for factor in (0.5, 2.0):
        found = at(trial, "dear", factor).capacity
        assert found is not None and found.rate.point == pytest.approx(9.0 * factor**-power, rel=WITHIN)


def test_claims_of_power_and_of_latency_are_not_judged_at_other_lengths() -> None:
    power = PoolClaim(pool="cheap", claim=Claim(name="power", metric=ClaimMetric.POWER, ratio=0.5, relative_to="dear"))
    rate = PoolClaim(
        pool="cheap",
        claim=Claim(name="rate", metric=ClaimMetric.THROUGHPUT, ratio=2.0, relative_to="dear", stated=OperatingPoint.OBJECTIVE),
    )
    trial = asked(2, claims=(power, rate), slower={"cheap": 2.0})
    trial.to_its_end()
    of_power, of_rate = trial.memory.verdicts
    assert of_power.lengths == () and [each.verdict for each in of_rate.lengths] == [REFUTED]


def test_a_trial_that_asks_for_no_other_length_sends_none_and_says_nothing_of_any() -> None:
    trial = asked(claims=(half_of("cheap", "dear", 0.3),))
    trial.to_its_end()
    assert trial.memory.length_seconds is None and all(row.lengths == () for row in trial.memory.rows)
    assert all(each.lengths == () for each in trial.memory.verdicts) and all(job.length_ramps is None for job in trial.made)


# Its money and its time


@pytest.mark.parametrize("budget", [2.0, 3.0, 20.0])
def test_more_is_set_aside_for_them_and_no_more_is_spent(budget: float) -> None:
    trial = asked(0.5, 2, budget=budget, claims=(half_of("cheap", "dear", 0.5 / 1.1),))
    trial.to_its_end()
    memory = trial.memory
    assert memory.load_seconds is not None and memory.length_seconds is not None and memory.reserved is not None
    assert memory.length_seconds >= 2 * int(AT_LENGTH * memory.load_seconds)
    assert sum(row.spent or 0.0 for row in memory.rows) <= memory.reserved * (1 + 1e-6) <= budget * (1 + 2e-6)
    assert memory.reserved == pytest.approx(sum(intent.seconds for intent in trial.made) / 3600, rel=1e-3), "at 1.0 an hour each"
    assert memory.started is not None
    whole = memory.load_seconds + memory.length_seconds
    assert {round(intent.begin_by - memory.started.timestamp()) + whole for intent in trial.made} == {
        intent.seconds for intent in trial.made
    }


def test_the_same_budget_pays_for_less_load_where_other_lengths_are_asked_for() -> None:
    few, none = asked(0.5, 2, budget=1.0), asked(budget=1.0)
    for trial in (few, none):
        trial.until(lambda trial=trial: trial.memory.started)  # type: ignore[misc]
    assert (few.memory.load_seconds or 0) < (none.memory.load_seconds or 0)
    assert few.memory.reserved == pytest.approx(none.memory.reserved, rel=0.01)


def test_a_budget_that_does_not_pay_for_them_starts_nothing_and_says_what_it_takes() -> None:
    plain_one = asked(budget=0.7, duration=300)
    plain_one.until(lambda: plain_one.memory.started)
    trial = asked(0.5, 2, budget=0.7, duration=300)
    assert trial.to_its_end() == Reason.BUDGET_TOO_SMALL
    assert "300 s of load and 120 s at other lengths" in trial.memory.said and "spec.load.lengthFactors" in trial.memory.said
    assert not trial.made


def test_a_deadline_that_would_cut_them_off_starts_nothing() -> None:
    trial = asked(0.5, 2, duration=3600, deadline=3600 + 400)
    trial.until(lambda: trial.finished or trial.memory.started)
    assert trial.finished == Reason.DEADLINE and "at other lengths" in trial.memory.said


@pytest.mark.parametrize("factors", [1, 2])
@pytest.mark.parametrize("total", [300.0, 1000.0, 4321.0])
@pytest.mark.parametrize("least", [9, 130])
def test_what_the_budget_pays_for_is_never_exceeded_by_both_together_and_little_of_it_is_left(
    factors: int, total: float, least: int
) -> None:
    seconds = int(within(total, factors, least))
    if seconds > 0:
        assert total - 3 <= seconds + beside(seconds, factors, least) <= total


def test_their_steps_fit_into_their_time_with_some_to_spare_for_queues() -> None:
    workload = world().workload
    for seconds in (180, 600, 3600):
        asked_for = length_ramps_of(workload, (0.5, 2.0), seconds)
        assert asked_for is not None
        sent = 3 * asked_for.step_seconds + asked_for.halvings * asked_for.between_seconds
        assert sent <= 0.9 * beside(seconds, 1, least_beside(workload))
    slow = replace(workload, latency=(LatencyObjective(metric="e2e", milliseconds=10_000, percent=99),))
    long = length_ramps_of(slow, (2.0,), 180)
    assert long is not None and long.step_seconds >= 20, "a queue that a request waits in for so long has to grow first"
    assert 3 * long.step_seconds + long.halvings * long.between_seconds <= beside(180, 1, least_beside(slow))


def test_it_does_not_end_before_them_though_each_claim_has_its_verdict() -> None:
    trial = asked(0.5, 2, claims=(half_of("cheap", "dear", 0.3),), load=AskedLoad())
    trial.until(lambda: trial.jobs and trial.row("cheap").capacity is not None and trial.row("dear").capacity is not None)
    assert words(trial)[1] is REFUTED and trial.memory.answered is None
    trial.until(lambda: trial.memory.answered is not None or trial.finished)
    assert all(each.capacity is not None for row in trial.memory.rows for each in row.lengths)


def test_it_ends_once_they_are_measured_as_well_and_what_is_left_of_the_load_is_not_paid() -> None:
    early, whole = (asked(0.5, 2, claims=(half_of("cheap", "dear", 0.3),), mute=mute) for mute in (False, True))
    assert (early.to_its_end(), whole.to_its_end()) == (Reason.DECIDED, Reason.DECIDED)
    assert early.memory.answered is not None and len(early.row("dear").steady) < len(whole.row("dear").steady)
    assert words(early) == words(whole)
    for pool in early.pools:
        assert early.row(pool).lengths == whole.row(pool).lengths


def test_no_figure_is_taken_of_a_ramp_that_goes_on() -> None:
    trial = asked(2, claims=(half_of("cheap", "dear", 0.3),))
    trial.until(lambda: trial.jobs and trial.row("dear").capacity is not None)
    while not at(trial, "dear", 2).is_known:
        assert words(trial)[2] is OPEN
        trial.look()
    found = at(trial, "dear", 2)
    trial.to_its_end()
    assert at(trial, "dear", 2) == found, "and what is found once is not found otherwise later"


def test_what_was_found_at_a_length_stays_where_a_generator_is_not_heard_and_when_it_fails_afterwards() -> None:
    trial = asked(0.5, 2)
    trial.until(lambda: trial.jobs and trial.row("cheap").capacity is not None and at(trial, "cheap", 0.5).is_known)
    found = at(trial, "cheap", 0.5)
    trial.mute = True
    trial.look()
    assert at(trial, "cheap", 0.5) == found
    trial.fails = {"cheap": "exit code 1"}
    trial.to_its_end()
    assert trial.row("cheap").phase is TrialPhase.FAILED and at(trial, "cheap", 0.5) == found
    assert not at(trial, "cheap", 2).is_known


def test_a_job_that_somebody_removes_is_made_again_with_what_is_left_to_measure_and_for_the_time_that_is_left() -> None:
    trial = asked(0.5, 2)
    trial.until(lambda: trial.jobs)
    first = {intent.placement.key.pool: intent for intent in trial.made}
    trial.until(lambda: trial.row("cheap").phase is TrialPhase.MEASURING)
    del trial.jobs["cheap"]
    trial.until(lambda: "cheap" in trial.jobs)
    again = trial.made[-1]
    assert again.length_ramps == first["cheap"].length_ramps and again.seconds < first["cheap"].seconds


# Where requests cannot be so long


def seen(**changes: object) -> Analysis:
    there = world()
    facts = there.snapshot()
    return analysis(replace(facts, workload=replace(facts.workload, **changes)), there.now)  # type: ignore[arg-type]


def doing(task: str, **changes: object) -> Analysis:
    return seen(model=replace(world().workload.model, task=task), **changes)


def said(found: Analysis, factor: float, lengths: Lengths | None = None) -> str:
    trial = replace(asked(factor).trial, load=None if lengths is None else AskedLoad(lengths=lengths))
    option = found.option("dear")
    assert option is not None
    (told,) = lengths_asked(trial, found, option.candidate)
    return told.message


def to(edge: float, *, beyond: int = 0) -> tuple[tuple[float, int], ...]:
    return ((edge / 2, 5), (edge, 100), (2 * edge, 100), (float("inf"), 100 + beyond))


@pytest.mark.parametrize(("longest", "factor", "fits"), [(63, 2, True), (64, 2, False), (63, 0.5, True), (16, 4, True), (16, 10, False)])
def test_a_length_beyond_the_longest_compiled_one_is_told_and_not_sent(longest: int, factor: float, fits: bool) -> None:
    compiled = seen(compile=CompileOptions(sequence_lengths=(32, 128)))
    message = said(compiled, factor, Lengths(input=to(longest)))
    assert (message == "") is fits
    assert fits or (f"up to {factor * longest + AROUND:.0f} tokens" in message and "takes 128" in message)


def test_what_comes_beyond_the_last_edge_is_drawn_as_that_edge() -> None:
    compiled = seen(compile=CompileOptions(sequence_lengths=(128,)))
    assert said(compiled, 2, Lengths(input=to(31, beyond=1))) == "", "62 and its end"
    assert said(compiled, 2, Lengths(input=to(32, beyond=1))) != ""


def test_of_a_server_that_generates_prompt_and_answer_have_to_fit_together() -> None:
    lengths = Lengths(input=to(100), output=to(50))
    for most, fits in ((2 * 150 + AROUND, True), (2 * 150 + AROUND - 1, False), (None, True)):
        message = said(doing("text-generation", server="vllm", vllm=VllmOptions(max_model_length=most)), 2, lengths)
        assert (message == "") is fits, most
        assert fits or "maxModelLength" in message


def test_where_no_lengths_are_known_those_are_taken_that_the_generator_sends_then() -> None:
    assert said(seen(), 2) == "" and "tokens would come" in said(seen(), 4)
    assert said(doing("text-generation", server="vllm", vllm=VllmOptions(max_model_length=300)), 2) != ""


def test_where_nobody_says_how_long_they_may_be_a_request_has_to_fit_the_model() -> None:
    found = doing("text-generation", server="vllm", vllm=VllmOptions())
    option = found.option("dear")
    assert option is not None
    model = Artifact(state=ArtifactState.READY, memory=ModelMemory(weights=1, positions=300))
    (at_one, at_two) = lengths_asked(asked(1, 2).trial, found, replace(option.candidate, artifact=model))
    assert at_one.message == ""
    assert "its server takes 300: leave this factor out" in at_two.message


def test_what_makes_no_tokens_has_no_answer_that_must_fit_beside_the_request() -> None:
    for task in ("feature-extraction", "text-classification"):
        assert said(doing(task, server="vllm", vllm=VllmOptions(max_model_length=122)), 2) == ""
        assert "maxModelLength" in said(doing(task, server="vllm", vllm=VllmOptions(max_model_length=121)), 2)


@pytest.mark.parametrize("factor", [0.5, 2])
@pytest.mark.parametrize("task", sorted(GRAPHS))
def test_a_graph_has_no_lengths_and_nobody_is_told_to_raise_them(task: str, factor: float) -> None:
    assert said(doing(task), factor) == "not measured: requests of a graph have the sizes of its inputs, and no length"


def test_of_a_ranking_each_document_has_to_fit_and_not_all_of_them_together() -> None:
    documents = READ_APART["text-ranking"]
    ranks = doing("text-ranking", compile=CompileOptions(sequence_lengths=(128,)))
    assert said(ranks, 2) == ""
    assert said(ranks, 2, Lengths(input=to(documents * 63))) == ""
    assert "up to 130 tokens" in said(ranks, 2, Lengths(input=to(documents * 64)))
    assert documents == DOCUMENTS, "as the load generator sends them"


def test_a_model_without_lengths_is_told_and_measured_as_it_is() -> None:
    assert "nothing is known of the lengths" in said(seen(compile=CompileOptions(sequence_lengths=())), 2)


def test_a_length_that_one_pool_cannot_be_measured_at_stays_open_there_costs_nothing_and_the_others_are_measured() -> None:
    trial = asked(2, 8, claims=(half_of("cheap", "dear", 0.3),))
    assert trial.to_its_end() == Reason.DECIDED
    assert words(trial) == {1: REFUTED, 2: REFUTED, 8: OPEN}
    assert "not measured: requests of up to 482 tokens" in at(trial, "dear", 8).message
    assert all(intent.length_ramps is not None and intent.length_ramps.factors == (2,) for intent in trial.made)
    assert trial.memory.length_seconds == beside(trial.memory.load_seconds or 0, 1, least_beside(trial.world.workload))


def test_where_no_length_can_be_measured_nothing_is_set_aside_for_them() -> None:
    trial = asked(8, claims=(half_of("cheap", "dear", 0.3),))
    assert trial.to_its_end() == Reason.DECIDED
    assert trial.memory.length_seconds is None and all(intent.length_ramps is None for intent in trial.made)


# What a generator could not do


def told(*ramps: LengthRamp, before: AtLength | None = None) -> AtLength:
    """What is made of it, of a replica that has ended."""
    probe = Probe(move="", key=PlacementKey("dear", "r"), state=ProbeState.DONE, started=START, steps=STEPS)
    row = TrialRow(pool="dear", phase=TrialPhase.MEASURING, lengths=(before or AtLength(factor=2),))
    (found,) = at_lengths(row, TrialReplica(probe=probe, ramped=True, lengths=ramps), world().workload)
    return found


STEPS = tuple(ProbeStep(rate=rate, seconds=30, good=round(30 * rate), slow=0, error=0, shed=0) for rate in (2.0, 8.0))
LATE = ProbeStep(rate=8.0, seconds=30, good=0, slow=240, error=0, shed=0)


@pytest.mark.parametrize(
    ("ramps", "message", "known"),
    [
        ((), "not measured: it was not sent", False),
        ((LengthRamp(factor=2, steps=STEPS),), "not measured: its ramp did not end", False),
        ((LengthRamp(factor=2, over=True, message="the server refuses 3 of 9"),), "not measured: the server refuses 3 of 9", False),
        ((LengthRamp(factor=2, steps=(LATE,), over=True),), "the objective is missed at any load", False),
        (
            (LengthRamp(factor=2, steps=STEPS, over=True, message="the load generator could not send"),),
            "the load generator could not send",
            True,
        ),
        ((LengthRamp(factor=0.5, steps=STEPS, over=True),), "not measured: it was not sent", False),
    ],
)
def test_what_was_not_measured_says_why(ramps: tuple[LengthRamp, ...], message: str, known: bool) -> None:
    found = told(*ramps)
    assert message in found.message and (found.capacity is not None) is known


def test_what_was_found_stays_where_its_generator_ends_and_tells_it_no_more() -> None:
    found = told(LengthRamp(factor=2, steps=STEPS, over=True))
    assert found.capacity is not None
    assert told(before=found) == told(LengthRamp(factor=2, steps=STEPS), before=found) == found


def test_a_pool_that_keeps_the_objective_at_no_load_is_measured_at_no_other_length() -> None:
    there = World(grounds={"dear": Ground(speed=10.0), "cheap": Ground(speed=20.0)}, rate=20.0, policy=quick())
    there.tick(20)
    trial = AskedTrial(world=there, length_factors=(2,), budget=20.0)
    trial.until(lambda: trial.memory.started)
    there.grounds["cheap"].late = 0.5
    trial.to_its_end()
    assert trial.row("cheap").capacity is None
    assert "kept the objective at no load" in at(trial, "cheap", 2).message


# Its record


def test_a_record_of_it_is_read_back_and_decided_the_same() -> None:
    trial = asked(0.5, 2, claims=(half_of("cheap", "dear", 0.3),))
    trial.until(lambda: trial.jobs and trial.row("dear").capacity is not None and at(trial, "dear", 2).is_known)
    snapshot = trial.snapshot()
    assert any(replica.lengths for replica in snapshot.replicas.values())
    assert rebuilt(TrialSnapshot, plain(snapshot), "trial") == snapshot
