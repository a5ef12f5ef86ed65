"""A trial that a person asks for: it measures the pools together, judges what was claimed, spends no more than was set aside, and ends."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from steelyard.core.decide_trial import decide_trial
from steelyard.core.facts.accuracy import Accuracy, Measure
from steelyard.core.facts.capacity import Basis
from steelyard.core.facts.claim import Claim, ClaimMetric, OperatingPoint
from steelyard.core.facts.exit_drill import DrillTrial
from steelyard.core.facts.memory import VerdictWord
from steelyard.core.facts.probe import Lengths, ProbeState
from steelyard.core.facts.snapshot import LatencyObjective, Mode
from steelyard.core.facts.trial import AskedLoad, PoolClaim, TrialPhase
from steelyard.core.placing.analysis import analysis
from steelyard.core.trials.sent import PARTS, ramp_of
from steelyard.core.vocabulary.reason import Reason, Refusal
from steelyard_runtime.load.rates import FEWER_STEPS, Seen, Sent, rates
from unit.core.asked_trial import AskedTrial, half_of
from unit.core.world import Ground, World, quick, ratio_claim

WITHIN = 0.1
"""Of the truth, that a capacity is found."""


def world(**grounds: Ground) -> World:
    """A workload that serves on the dear pool and is only observed; a replica of the cheap one is twice as fast at the same price."""
    pools = grounds or {"dear": Ground(price=1.0, speed=10.0), "cheap": Ground(price=1.0, speed=20.0, selected=True)}
    there = World(grounds=pools, rate=20.0, policy=quick(mode=Mode.OBSERVE))
    there.tick(20)
    return there


def asked(**changes: object) -> AskedTrial:
    return AskedTrial(world=world(), **changes)  # type: ignore[arg-type]


# What it finds


def test_a_claim_that_is_true_is_confirmed_and_one_that_is_not_is_refuted_by_what_the_trial_measured_itself() -> None:
    true = asked(claims=(half_of("cheap", "dear", 0.55),), budget=20.0, duration=20_000, deadline=30_000)
    false = asked(claims=(half_of("cheap", "dear", 0.3),))
    assert (true.to_its_end(), false.to_its_end()) == (Reason.DECIDED, Reason.DECIDED)
    (confirmed,), (refuted,) = true.memory.verdicts, false.memory.verdicts
    assert (confirmed.verdict.verdict, refuted.verdict.verdict) == (VerdictWord.CONFIRMED, VerdictWord.REFUTED)
    assert confirmed.verdict.measured == pytest.approx(0.5, rel=WITHIN)
    assert confirmed.verdict.n > 0


def test_without_claims_of_its_own_those_of_the_pools_are_judged() -> None:
    grounds = {"dear": Ground(speed=10.0), "cheap": Ground(speed=20.0, claims=(ratio_claim(0.3, "dear"),))}
    trial = AskedTrial(world=world(**grounds))
    assert trial.to_its_end() == Reason.DECIDED
    assert [(v.verdict.pool, v.verdict.name, v.verdict.verdict) for v in trial.memory.verdicts] == [
        ("cheap", "advertised", VerdictWord.REFUTED)
    ]


def test_nothing_that_the_workload_knows_of_a_pool_judges_a_claim_in_a_trial() -> None:
    """The dear pool's capacity is known by its traffic; its replica in the trial fails."""
    trial = asked(claims=(half_of("cheap", "dear"),), fails={"dear": "exit code 1"})
    assert trial.to_its_end() == Reason.PROBE_FAILED
    assert [v.verdict.verdict for v in trial.memory.verdicts] == [VerdictWord.INCONCLUSIVE]
    assert "exit code 1" in trial.memory.said


def test_each_pool_is_told_what_a_replica_carries_and_what_the_workloads_own_load_would_need_there() -> None:
    trial = asked()
    trial.to_its_end()
    for pool, speed in (("dear", 10.0), ("cheap", 20.0)):
        row = trial.row(pool)
        assert row.phase is TrialPhase.MEASURED and row.capacity is not None
        assert row.capacity.basis is Basis.PROBED
        assert row.capacity.rate.point == pytest.approx(0.9 * speed, rel=WITHIN)
        assert row.capacity.rate.lower <= 0.9 * speed <= row.capacity.rate.upper
        assert row.each == 1.0 and row.start_seconds == 20
        assert [step.load / trial.memory.load for step in row.steady] == pytest.approx(sorted(PARTS), rel=0.01)  # type: ignore[operator]


@pytest.mark.parametrize("faster", [0.25, 4.0, 16.0])
def test_a_pool_is_measured_that_is_much_slower_or_faster_than_anybody_expects(faster: float) -> None:
    trial = AskedTrial(world=world(dear=Ground(speed=10.0), cheap=Ground(price=20.0, speed=10.0 * faster)), budget=40.0)
    trial.to_its_end()
    row = trial.row("cheap")
    assert row.capacity is not None and row.capacity.basis is Basis.PROBED
    assert row.capacity.rate.point == pytest.approx(9.0 * faster, rel=WITHIN)


def test_where_a_claim_depends_on_the_load_since_replicas_are_whole_it_is_said_at_which() -> None:
    """One replica of the cheap pool carries as much as two of the dear one: half the cost, where two are needed."""
    trial = asked(claims=(half_of("cheap", "dear"),))
    trial.to_its_end()
    (verdict,) = trial.memory.verdicts
    assert re.fullmatch(r"(true|open) from .* requests/s.*; false elsewhere between .*: replicas are whole", verdict.flips)


def test_a_claim_relative_to_what_is_no_pool_of_the_trial_ends_it_before_anything_is_paid() -> None:
    trial = asked(claims=(half_of("cheap", "dearr"),))
    assert trial.to_its_end() == Reason.NOT_COMPARABLE
    assert "claim claimed is relative to dearr" in trial.memory.said and "spec.pools" in trial.memory.said
    assert trial.made == [] and trial.memory.reserved is None


def test_a_claim_relative_to_the_instance_type_of_another_pool_of_the_trial_is_judged() -> None:
    trial = asked(claims=(half_of("cheap", "dear.large"),))
    assert trial.to_its_end() != Reason.NOT_COMPARABLE
    (verdict,) = trial.memory.verdicts
    assert verdict.verdict.measured is not None and "false elsewhere" in verdict.flips


def test_how_near_the_artifact_of_a_pool_is_to_the_reference_stands_in_its_row_and_is_unknown_where_nobody_verified_it() -> None:
    trial = asked()
    option = analysis(trial.world.snapshot(), trial.now).option("cheap")
    assert option is not None and option.candidate.key is not None
    accuracy = Accuracy(Measure.LEAST_COSINE, 0.9998)
    trial.look(accuracies={option.candidate.key: accuracy})
    assert [row.accuracy for row in trial.memory.rows] == [None, accuracy]
    trial.until(lambda: trial.row("cheap").phase is TrialPhase.MEASURED)
    assert [row.accuracy for row in trial.memory.rows] == [None, accuracy]


# Together


def test_all_pools_measure_over_the_same_minutes() -> None:
    """The cheap pool's replica takes minutes longer to start."""
    trial = asked(starts={"dear": 20, "cheap": 240})
    trial.to_its_end()
    began = [trial.row(pool).began for pool in trial.pools]
    assert began[0] == began[1]
    assert trial.memory.begin is not None and trial.memory.started is not None
    assert trial.memory.begin - trial.memory.started < timedelta(seconds=300), "and not later than it has to be"


def test_generators_that_no_word_reaches_begin_together_all_the_same() -> None:
    trial = asked(deaf=True)
    trial.to_its_end()
    began = {trial.row(pool).began for pool in trial.pools}
    assert len(began) == 1
    assert trial.memory.finished == Reason.DECIDED


def test_a_pool_whose_replica_does_not_start_keeps_the_others_waiting_no_longer_than_a_start_may_take() -> None:
    trial = asked(starts={"cheap": 100_000})
    trial.to_its_end()
    assert trial.row("dear").phase is TrialPhase.MEASURED
    assert trial.row("cheap").phase is TrialPhase.FAILED


def test_all_pools_are_sent_the_same_seconds_of_load_and_the_same_loads() -> None:
    trial = asked()
    trial.to_its_end()
    first, second = trial.made
    assert (first.loads, first.load_seconds, first.begin_by, first.seconds) == (
        second.loads,
        second.load_seconds,
        second.begin_by,
        second.seconds,
    )


def test_an_operator_that_begins_sends_the_other_pools_what_the_last_one_has_sent_the_first() -> None:
    """The last one died when it had made one Job of two. The windows of the workload are not read yet, then they are."""
    trial = asked()
    trial.look()
    del trial.jobs["cheap"]
    trial.made.clear()
    windows = {key: list(pods.windows) for key, pods in trial.world.deployments.items()}
    trial.world.restart()
    assert trial.look().jobs == ()
    for key, pods in trial.world.deployments.items():
        pods.windows[:] = windows[key]
    trial.until(lambda: trial.made)
    again, first = trial.made[0], trial.decisions[0].jobs[0]
    assert again.placement.key.pool == "cheap" and first.placement.key.pool == "dear"
    assert (again.loads, again.load_seconds, again.begin_by) == (first.loads, first.load_seconds, first.begin_by)
    assert trial.to_its_end() == Reason.DECIDED


# Its end before its end


def spent(trial: AskedTrial) -> float:
    return sum(row.spent or 0.0 for row in trial.memory.rows)


def test_it_ends_once_the_claim_has_its_verdict_and_the_workloads_own_load_is_measured_and_what_is_left_is_not_paid() -> None:
    early, whole = (asked(claims=(half_of("cheap", "dear", 0.3),), mute=mute) for mute in (False, True))
    assert (early.to_its_end(), whole.to_its_end()) == (Reason.DECIDED, Reason.DECIDED)
    assert early.memory.answered is not None and whole.memory.answered is None
    assert "told to send no more" in early.memory.said
    assert [told.verdict.verdict for told in early.memory.verdicts] == [told.verdict.verdict for told in whole.memory.verdicts]
    for pool in early.pools:
        row, same = early.row(pool), whole.row(pool)
        assert row.phase is TrialPhase.MEASURED and row.capacity is not None and same.capacity is not None
        # Its ramp was whole; steady loads that are not sent any more tell nothing.
        assert row.capacity.rate.point == same.capacity.rate.point and row.capacity.n < same.capacity.n
        assert early.memory.load in [step.load for step in row.steady]
        assert 1 <= len(row.steady) < len(same.steady) == len(PARTS)
    assert spent(early) < spent(whole) <= (whole.memory.reserved or 0.0) == early.memory.reserved


@pytest.mark.parametrize("ratio", [None, 0.5 / 1.1], ids=["without a claim", "with one that stays open"])
def test_where_not_all_that_was_asked_is_answered_all_of_the_load_is_sent(ratio: float | None) -> None:
    claims = () if ratio is None else (half_of("cheap", "dear", ratio),)
    trial = asked(claims=claims)
    trial.to_its_end()
    assert trial.memory.answered is None
    assert [len(trial.row(pool).steady) for pool in trial.pools] == [len(PARTS)] * 2


def test_a_generator_that_no_word_reaches_sends_all_of_its_load_and_the_answer_is_the_same() -> None:
    trial = asked(claims=(half_of("cheap", "dear", 0.3),), deaf=True)
    assert trial.to_its_end() == Reason.DECIDED
    assert trial.memory.answered is not None
    assert [len(trial.row(pool).steady) for pool in trial.pools] == [len(PARTS)] * 2


def test_a_replica_that_is_gone_once_all_is_answered_is_not_made_again() -> None:
    trial = asked(claims=(half_of("cheap", "dear", 0.3),))
    trial.until(lambda: trial.memory.answered)
    before = trial.row("cheap")
    del trial.jobs["cheap"]
    assert trial.to_its_end() == Reason.DECIDED
    assert len(trial.made) == len(trial.pools)
    after = trial.row("cheap")
    assert (after.phase, after.capacity, after.spent) == (TrialPhase.MEASURED, before.capacity, before.spent)


def test_no_claim_is_judged_by_a_ramp_that_goes_on_and_it_is_told_how_far_it_is() -> None:
    trial = asked(claims=(half_of("cheap", "dear", 0.3),))
    trial.until(lambda: trial.jobs and "its ramp" in trial.row("cheap").message)
    while "step" in trial.row("cheap").message and "of its ramp" in trial.row("cheap").message:
        assert trial.row("cheap").capacity is None
        assert [told.verdict.verdict for told in trial.memory.verdicts] == [VerdictWord.INCONCLUSIVE]
        trial.look()
    said = [d.memory.row("cheap").message for d in trial.decisions if d.memory.row("cheap") is not None]  # type: ignore[union-attr]
    assert any("held at" in each and "missed at" in each for each in said)
    assert trial.row("cheap").phase is TrialPhase.MEASURING and trial.row("cheap").capacity is not None
    assert "of 3 steady loads are measured" in trial.row("cheap").message


def test_what_was_told_stays_where_a_generator_is_not_heard_for_a_while_and_when_it_fails_afterwards() -> None:
    trial = asked(claims=(half_of("cheap", "dear", 0.3),))
    trial.until(lambda: trial.jobs and trial.row("dear").capacity is not None and trial.row("cheap").capacity is not None)
    known = {pool: (trial.row(pool).capacity, trial.row(pool).message) for pool in trial.pools}
    trial.mute = True
    trial.look()
    assert {pool: (trial.row(pool).capacity, trial.row(pool).message) for pool in trial.pools} == known
    failed = {
        pool: replace(r, probe=replace(r.probe, state=ProbeState.FAILED, message="lost")) for pool, r in trial.snapshot().replicas.items()
    }
    decision = decide_trial(replace(trial.snapshot(), replicas=failed), trial.now)
    assert decision.memory.finished == Reason.DECIDED and "lost" in decision.memory.said
    assert {row.phase for row in decision.memory.rows} == {TrialPhase.FAILED}
    assert {row.pool: row.capacity for row in decision.memory.rows} == {pool: capacity for pool, (capacity, _) in known.items()}


def test_a_pool_that_no_claim_is_about_is_measured_as_well_before_all_is_answered() -> None:
    """The third one is heard of late."""
    pools = {"dear": Ground(speed=10.0), "cheap": Ground(speed=20.0), "third": Ground(speed=10.0)}
    trial = AskedTrial(world=world(**pools), pools=tuple(pools), claims=(half_of("cheap", "dear", 0.3),), budget=3.0)
    facts = trial.snapshot()
    while trial.memory.answered is None:
        facts = trial.snapshot()
        trial.look()
    unheard = replace(facts.replicas["third"], ramped=False, steady=(), probe=replace(facts.replicas["third"].probe, steps=()))
    rows = tuple(row if row.pool != "third" else replace(row, capacity=None) for row in facts.memory.rows)
    assert decide_trial(facts, trial.now).memory.answered is not None
    facts = replace(facts, replicas={**facts.replicas, "third": unheard}, memory=replace(facts.memory, rows=rows))
    assert decide_trial(facts, trial.now).memory.answered is None


# Money


@pytest.mark.parametrize("budget", [0.6, 1.0, 2.0, 10.0])
def test_no_more_is_spent_than_was_reserved_and_no_more_is_reserved_than_the_budget(budget: float) -> None:
    trial = asked(budget=budget, deaf=True)
    trial.to_its_end()
    memory = trial.memory
    assert memory.reserved is not None
    spent = sum(row.spent or 0.0 for row in memory.rows)
    assert 0 < spent <= memory.reserved * (1 + 1e-9) <= budget * (1 + 1e-9)


def test_a_larger_budget_pays_for_more_load() -> None:
    small, large = asked(budget=0.8), asked(budget=2.0)
    small.to_its_end(), large.to_its_end()
    assert small.memory.load_seconds is not None and large.memory.load_seconds is not None
    assert small.memory.load_seconds < large.memory.load_seconds


def test_a_budget_that_is_too_small_starts_nothing_and_says_how_much_it_takes() -> None:
    trial = asked(budget=0.1)
    assert trial.to_its_end() == Reason.BUDGET_TOO_SMALL
    assert trial.made == []
    needs = float(trial.memory.said.split(" cost ")[1].split(" at most")[0])
    again = asked(budget=1.01 * needs)
    assert again.to_its_end() == Reason.DECIDED


def test_a_duration_that_the_budget_does_not_pay_for_is_not_cut_short() -> None:
    trial = asked(budget=2.0, duration=7000, deadline=20_000)
    assert trial.to_its_end() == Reason.BUDGET_TOO_SMALL
    assert trial.made == []


def test_a_duration_in_which_no_queue_can_grow_as_long_as_the_objective_is_refused() -> None:
    trial = asked(duration=60)
    slow = replace(trial.world.snapshot().workload, latency=(LatencyObjective(metric="e2e", milliseconds=30_000, percent=99.0),))
    facts = replace(trial.snapshot(), workload=replace(trial.world.snapshot(), workload=slow))
    decision = decide_trial(facts, trial.now)
    assert decision.memory.finished == Reason.BUDGET_TOO_SMALL and "spec.durationSeconds is 60" in decision.memory.said


def test_a_pool_whose_price_is_not_known_is_refused() -> None:
    trial = AskedTrial(world=world(dear=Ground(), cheap=Ground(speed=20.0, priced=False)))
    trial.to_its_end()
    assert trial.row("cheap").phase is TrialPhase.REFUSED and "price" in trial.row("cheap").message
    assert [intent.placement.key.pool for intent in trial.made] == ["dear"]


def test_a_job_that_somebody_removes_is_made_again_for_the_time_that_is_left() -> None:
    trial = asked()
    trial.until(lambda: trial.jobs and trial.row("cheap").phase is TrialPhase.MEASURING)
    del trial.jobs["cheap"]
    trial.to_its_end()
    first, again = (intent for intent in trial.made if intent.placement.key.pool == "cheap")
    assert again.seconds < first.seconds
    assert sum(row.spent or 0.0 for row in trial.memory.rows) <= (trial.memory.reserved or 0.0)


# Waiting


def test_it_starts_once_every_pool_that_can_be_measured_has_its_artifact() -> None:
    trial = asked()
    trial.world.grounds["cheap"].compiled = False
    for _ in range(10):
        trial.look()
    assert trial.made == [] and trial.row("cheap").phase is TrialPhase.WAITING
    trial.world.grounds["cheap"].compiled = True
    assert trial.to_its_end() == Reason.DECIDED


def test_a_pool_that_the_workload_may_not_use_is_refused_and_the_others_are_measured() -> None:
    trial = AskedTrial(world=world(dear=Ground(), cheap=Ground(selected=False)))
    assert trial.to_its_end() == Reason.DECIDED
    assert trial.row("cheap").phase is TrialPhase.REFUSED
    assert "spec.placement" in trial.row("cheap").message


def test_a_pool_that_does_not_exist_is_refused_with_those_that_do() -> None:
    trial = asked(pools=("dear", "none"))
    trial.to_its_end()
    assert trial.row("none").message == "pool none does not exist (there are cheap, dear)"


def test_a_claim_on_a_pool_that_does_not_exist_stays_open_and_the_trial_is_not_called_decided() -> None:
    trial = asked(pools=("dear", "none"), claims=(half_of("none", "dear"),))
    assert trial.to_its_end() == Reason.PROBE_FAILED
    (told,) = trial.memory.verdicts
    assert (told.verdict.verdict, told.verdict.message) == (VerdictWord.INCONCLUSIVE, "pool none does not exist")


def test_a_pool_that_is_deleted_while_it_is_measured_costs_the_trial_that_pool_alone_and_its_claim_stays_open() -> None:
    trial = asked(claims=(half_of("cheap", "dear", 0.3),))
    trial.until(lambda: trial.jobs and trial.row("cheap").phase is TrialPhase.MEASURING)
    trial.world.grounds["cheap"].exists = False
    assert trial.to_its_end() == Reason.PROBE_FAILED
    assert trial.memory.said.count("does not exist any more") == 1
    assert [row.phase for row in trial.memory.rows] == [TrialPhase.MEASURED, TrialPhase.FAILED]
    assert [told.verdict.verdict for told in trial.memory.verdicts] == [VerdictWord.INCONCLUSIVE]


@pytest.mark.parametrize("gone", ["cheap", "dear"])
def test_a_pool_that_is_deleted_once_it_is_measured_leaves_its_claim_open_and_no_larger_budget_is_advised(gone: str) -> None:
    """The other pool still measures: it begins later, since its Job was made again."""
    trial = asked(claims=(half_of("cheap", "dear", 0.3),), mute=True)
    trial.until(lambda: trial.jobs and trial.row("dear").phase is TrialPhase.MEASURING)
    other = "dear" if gone == "cheap" else "cheap"
    trial.jobs[other].begin = trial.now + timedelta(seconds=60)
    trial.until(lambda: trial.row(gone).phase is TrialPhase.MEASURED)
    assert trial.row(other).phase is TrialPhase.MEASURING
    trial.world.grounds[gone].exists = False
    assert trial.to_its_end() == Reason.PROBE_FAILED
    assert f"pool {gone} does not exist any more" in trial.memory.said and "budget" not in trial.memory.said


def test_a_claim_that_no_more_load_would_decide_ends_without_the_advice_of_more() -> None:
    """The dear pool keeps the promise at no load: nothing there is compared, however long it is asked."""
    trial = AskedTrial(world=world(dear=Ground(price=3.0, late=0.2), cheap=Ground()), budget=3.0, claims=(half_of("cheap", "dear"),))
    assert trial.to_its_end() == Reason.BUDGET_SPENT
    assert "claimed of pool cheap" in trial.memory.said and "a larger spec.budget" not in trial.memory.said


def test_what_was_spent_on_a_replica_whose_pod_is_gone_with_its_node_stays_spent() -> None:
    trial = asked()
    trial.until(lambda: trial.jobs and (trial.row("cheap").spent or 0.0) > 0.0)
    before = trial.row("cheap").spent
    lost = replace(trial.snapshot().replicas["cheap"], scheduled=None)
    without = replace(trial.snapshot(), replicas={**trial.snapshot().replicas, "cheap": lost})
    row = decide_trial(without, trial.now).memory.row("cheap")
    assert row is not None and row.spent == before


def test_what_was_decided_of_a_pool_that_is_deleted_later_stays() -> None:
    trial = asked(claims=(half_of("cheap", "dear", 0.3),))
    trial.until(lambda: trial.memory.verdicts and trial.memory.verdicts[0].verdict.verdict is VerdictWord.REFUTED)
    decided = trial.memory.verdicts
    trial.world.grounds["cheap"].exists = False
    gone = replace(trial.snapshot(), memory=replace(trial.memory, finished="", said="", ended=None))
    assert decide_trial(gone, trial.now).memory.verdicts == decided


@pytest.mark.parametrize(("seconds", "milliseconds"), [(180, 100), (3600, 100), (43_000, 1_000_000)])
def test_of_a_pool_of_which_nothing_is_known_a_ramp_that_its_generator_takes_gets_to_its_highest_load(
    seconds: int, milliseconds: int
) -> None:
    there = asked()
    snapshot = there.world.snapshot()
    latency = (LatencyObjective(metric="e2e", milliseconds=milliseconds, percent=99.0),)
    seen = analysis(replace(snapshot, workload=replace(snapshot.workload, latency=latency)), there.now)
    option = seen.option("dear")
    assert option is not None
    ramp = ramp_of(seen, replace(option, capacity=None), None, seconds)
    assert 1.1 <= ramp.growth <= 16.0
    assert ramp.first * ramp.step_seconds >= 0.9, "a step sends a request"
    sent, step = rates(ramp.first, ramp.most, ramp.halvings, FEWER_STEPS, ramp.growth), Sent(0.0)
    with suppress(StopIteration):
        step = next(sent)
        while True:
            step = sent.send(Seen(kept=True, full=True))
    assert (step.rate == pytest.approx(ramp.most, rel=0.01) and step.rate >= 100.0) or ramp.growth == 16.0


def test_where_no_pool_can_be_measured_it_ends_at_once() -> None:
    trial = asked(pools=("none",))
    trial.look()
    assert trial.finished == Reason.NOTHING_MEASURED


def test_what_it_waits_for_is_told_until_its_deadline() -> None:
    trial = asked(deadline=600)
    trial.world.grounds["cheap"].compiled = False
    assert trial.to_its_end() == Reason.DEADLINE
    assert trial.now - trial.created <= timedelta(seconds=700)
    assert "compiled" in trial.memory.said and trial.made == []


def test_it_does_not_start_what_its_deadline_would_cut_off() -> None:
    trial = asked(deadline=300)
    assert trial.to_its_end() == Reason.DEADLINE
    assert trial.made == []


def test_a_frozen_installation_starts_no_trial() -> None:
    trial = asked()
    trial.world.frozen = True
    decision = trial.look()
    assert decision.finished.reason is Reason.FROZEN and trial.made == []


def test_it_waits_for_the_workloads_load_and_begins_without_it_where_there_is_none() -> None:
    idle = AskedTrial(world=World(grounds={"dear": Ground(), "cheap": Ground(speed=20.0)}, policy=quick(mode=Mode.OBSERVE)))
    decision = idle.look()
    assert decision.finished.reason is Reason.WAITING and "load is not known" in decision.finished.message
    idle.until(lambda: idle.made)
    assert idle.now - idle.created > timedelta(minutes=9)
    assert all(intent.loads == () for intent in idle.made)
    idle.to_its_end()
    assert [row.phase for row in idle.memory.rows] == [TrialPhase.MEASURED] * 2
    assert idle.row("dear").capacity is not None


def test_it_waits_for_an_exit_drill_of_the_same_workload_that_is_under_way_and_for_none_that_has_ended() -> None:
    trial = asked()
    drill = DrillTrial(name="embed-exit-1", created=trial.now, pools=("dear", "cheap"))
    trial.world.drills = (drill,)
    decision = trial.look()
    assert trial.made == [] and decision.finished.reason is Reason.WAITING and "embed-exit-1" in decision.finished.message
    trial.world.drills = (replace(drill, finished="Decided"),)
    assert trial.to_its_end() == Reason.DECIDED


def test_a_trial_that_is_itself_the_drill_waits_for_nothing() -> None:
    trial = asked()
    trial.world.drills = (DrillTrial(name=trial.trial.key.name, created=trial.now, pools=trial.pools),)
    trial.look()
    assert trial.made


# Users come first


def test_it_does_not_start_while_the_workload_misses_its_promise() -> None:
    trial = asked()
    trial.world.errors = 0.5
    trial.world.tick(6)
    trial.now = trial.world.now
    decision = trial.look()
    assert trial.made == [] and decision.finished.reason is Reason.WAITING
    assert "misses its objective" in decision.finished.message
    assert trial.to_its_end() == Reason.DEADLINE and "misses its objective" in trial.memory.said


def test_it_ends_at_once_when_the_workload_begins_to_miss_its_promise() -> None:
    trial = asked()
    trial.until(lambda: trial.jobs)
    trial.world.errors = 0.5
    trial.world.tick(6)
    trial.now = max(trial.now, trial.world.now)
    decision = trial.look()
    assert trial.finished == Reason.SLO_AT_RISK and decision.over and trial.jobs == {}
    assert all(row.phase.is_over for row in trial.memory.rows)
    assert decision.notes[0].warning


# Ends


def test_a_person_may_stop_it_and_what_was_measured_stays() -> None:
    trial = asked(starts={"cheap": 500})
    trial.until(lambda: trial.jobs)
    trial.stop = True
    trial.look()
    assert trial.finished == Reason.STOPPED and trial.jobs == {}


def test_what_has_ended_is_never_begun_again() -> None:
    trial = asked()
    trial.to_its_end()
    ended = trial.memory
    made = len(trial.made)
    for _ in range(5):
        decision = trial.look()
        assert decision.over and decision.jobs == () and decision.notes == ()
    assert trial.memory == ended and len(trial.made) == made


def test_a_claim_that_little_load_leaves_open_says_what_would_decide_it() -> None:
    """The truth is at the end of the claim's tolerance."""
    trial = asked(claims=(half_of("cheap", "dear", 0.5 / 1.1),))
    assert trial.to_its_end() == Reason.BUDGET_SPENT
    assert "claimed of pool cheap" in trial.memory.said and "a larger spec.budget" in trial.memory.said


def test_a_pool_that_keeps_the_promise_at_no_load_is_told_as_that() -> None:
    trial = AskedTrial(world=world(dear=Ground(), cheap=Ground(price=3.0, late=0.2)), budget=6.0)
    trial.to_its_end()
    row = trial.row("cheap")
    assert row.phase is TrialPhase.MEASURED and row.capacity is None
    assert "missed at any load" in row.message


# What it looks at


def test_the_same_facts_are_decided_the_same_way() -> None:
    trial = asked()
    trial.until(lambda: trial.row("dear").phase is TrialPhase.MEASURED if trial.memory.rows else False)
    snapshot = trial.snapshot()
    assert decide_trial(snapshot, trial.now) == decide_trial(snapshot, trial.now)


def test_a_workload_that_is_gone_changes_nothing_of_what_runs() -> None:
    trial = asked()
    trial.until(lambda: trial.jobs)
    gone = replace(trial.snapshot(), workload=Refusal(Reason.WAITING, "there is no InferenceWorkload embed in namespace ns"))
    decision = decide_trial(gone, trial.now)
    assert not decision.over and decision.jobs == ()
    assert decision.memory.started == trial.memory.started


# Where nobody serves, and nothing is bought


def idle(**grounds: Ground) -> World:
    """A workload of which nobody knows a load."""
    return World(grounds=grounds, rate=20.0, policy=quick(mode=Mode.OBSERVE))


def test_a_trial_that_nothing_is_bought_for_needs_no_price_and_sets_nothing_aside() -> None:
    there = idle(slow=Ground(speed=10.0, priced=False), fast=Ground(speed=20.0))
    trial = AskedTrial(world=there, pools=("fast", "slow"), budget=None, duration=600, load=AskedLoad())
    assert trial.to_its_end() == Reason.DECIDED
    assert trial.memory.reserved is None
    for pool, each in (("slow", None), ("fast", 1.0)):
        row = trial.row(pool)
        assert (row.phase, row.each, row.spent) == (TrialPhase.MEASURED, each, None)
        assert row.capacity is not None


def test_without_a_price_a_claim_of_cost_stays_open_and_one_of_throughput_does_not() -> None:
    there = idle(slow=Ground(speed=10.0, priced=False), fast=Ground(speed=20.0, priced=False))
    faster = Claim(name="faster", metric=ClaimMetric.THROUGHPUT, ratio=4.0, relative_to="slow", stated=OperatingPoint.OBJECTIVE)
    claims = (half_of("fast", "slow"), PoolClaim(pool="fast", claim=faster))
    trial = AskedTrial(world=there, pools=("fast", "slow"), budget=None, duration=1200, load=AskedLoad(), claims=claims)
    trial.to_its_end()
    told = {each.verdict.name: each.verdict for each in trial.memory.verdicts}
    assert (told["claimed"].verdict, told["claimed"].measured) == (VerdictWord.INCONCLUSIVE, None)
    assert "price" in told["claimed"].message
    assert told["faster"].verdict is VerdictWord.REFUTED


def test_a_load_that_is_asked_for_is_sent_at_once_and_as_long_as_asked() -> None:
    words = Lengths(input=((64.0, 1),))
    trial = AskedTrial(
        world=idle(slow=Ground(speed=10.0), fast=Ground(speed=20.0)),
        pools=("fast", "slow"),
        budget=None,
        duration=600,
        load=AskedLoad(rate=8.0, lengths=words),
    )
    trial.look()
    assert [(intent.loads, intent.ramp.lengths) for intent in trial.made] == [((8.0, 4.0, 16.0), words)] * 2
    trial.to_its_end()
    assert [step.load for step in trial.row("slow").steady] == [4.0, 8.0, 16.0]


def test_no_steady_load_is_sent_where_none_is_asked_for() -> None:
    there = idle(slow=Ground(speed=10.0), fast=Ground(speed=20.0))
    trial = AskedTrial(world=there, pools=("fast", "slow"), budget=None, duration=600, load=AskedLoad())
    trial.look()
    assert [intent.loads for intent in trial.made] == [(), ()]
