"""A trial of live traffic: it measures a share of the requests with one replica a pool, moves nobody, costs no more than was set aside, and ends."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from steelyard.core.facts.claim import Claim, ClaimMetric
from steelyard.core.facts.identity import TrialKey
from steelyard.core.facts.memory import HISTORY, MoveKind, Outcome, PastMove, Quarantine, Step, VerdictWord
from steelyard.core.facts.snapshot import Mode, PoolChoice, Scaling
from steelyard.core.facts.trial import Neighbours, PoolClaim, TrialPhase
from steelyard.core.facts.window import since
from steelyard.core.placing import go_on
from steelyard.core.rebalancing.chain import Finding, Review
from steelyard.core.rebalancing.propose import Considered
from steelyard.core.trials.asks import asks
from steelyard.core.vocabulary.reason import Reason, Refusal
from unit.core.asked_trial import half_of
from unit.core.live_run import LiveRun, serving
from unit.core.test_routed import Routed
from unit.core.world import Ground, World, quick

WINDOW = 60
TWICE = half_of("other", "home", 2.0)
"""What a request costs on the other pool over what it costs on the one called home, in truth."""
HALF = half_of("other", "home", 0.5)


def asked(world: World | None = None, **changes: object) -> LiveRun:
    return LiveRun(world=world or serving(), **changes)  # type: ignore[arg-type]


def kinds(run: LiveRun) -> set[MoveKind]:
    return {d.memory.move.kind for d in run.world.decisions if d.memory.move is not None}


# What it finds


@pytest.mark.parametrize(("claim", "word"), [(TWICE, VerdictWord.CONFIRMED), (HALF, VerdictWord.REFUTED)])
def test_a_claim_is_judged_by_the_users_own_requests_and_the_workload_stays_where_it_is(claim: object, word: VerdictWord) -> None:
    run = asked(claims=(claim,))
    assert run.to_its_end() == Reason.DECIDED
    (verdict,) = run.memory.verdicts
    assert verdict.verdict.verdict is word
    assert verdict.verdict.measured == pytest.approx(2.0, rel=0.1)
    assert {row.phase for row in run.memory.rows} == {TrialPhase.MEASURED}
    assert run.world.serves_on == "home" and kinds(run) == {MoveKind.EXPLORATION}
    (past,) = run.past
    assert (past.outcome, past.reason) == (Outcome.EXPLORED, Reason.EXPLORED)
    assert run.world.count("other") == 0


def test_a_replica_that_goes_back_since_all_is_known_is_no_warning() -> None:
    run = asked(claims=(TWICE,))
    begun = len(run.world.decisions)
    run.to_its_end()
    notes = [note for decision in run.world.decisions[begun:] for note in decision.notes]
    assert any(note.message.startswith("Back: the trial knows what it asks") for note in notes)
    assert not any(note.warning for note in notes)


def test_what_was_served_is_told_of_the_tried_pool_and_of_the_one_that_serves_over_the_same_minutes() -> None:
    run = asked(claims=(TWICE,))
    run.until(lambda: run.row("other").ended is not None if run.memory.rows else False)
    other, home = run.row("other"), run.row("home")
    assert other.began == home.began is not None
    windows = {
        key.pool: [w for w in since(pods.windows, other.began) if other.ended is not None and w.end <= other.ended]
        for key, pods in run.world.deployments.items()
        if other.began is not None
    }
    run.to_its_end()
    for pool in ("home", "other"):
        (step,) = run.steps(pool)
        assert step["requests"] == sum(w.offered for w in windows[pool]) > 0
        assert float(step["goodPercent"]) == pytest.approx(100 * sum(w.good for w in windows[pool]) / step["requests"], rel=1e-4)
    # An equal share for each replica, so that one of twice the price costs twice as much for what it serves.
    assert float(run.steps("other")[0]["unitCost"]) == pytest.approx(2 * float(run.steps("home")[0]["unitCost"]), rel=0.05)


TELLING = {
    "home": Ground(price=1.0, speed=100.0, tells_latencies=True, watts=(50.0, 250.0)),
    "other": Ground(price=2.0, speed=100.0, tells_latencies=True, watts=(20.0, 100.0)),
}
"""Servers with a histogram of their answers, and counters of joules."""


def test_latencies_with_their_mean_and_energy_are_told_where_servers_tell_them() -> None:
    run = asked(world=serving(grounds=TELLING), claims=(TWICE,))
    run.to_its_end()
    for pool in ("home", "other"):
        (step,), row = run.steps(pool), run.row(pool)
        mean, half, most = (float(step[f"{which}Milliseconds"]) for which in ("mean", "p50", "p99"))
        # Answers of M/M/1: the mean is 1 / ln 2 times the median.
        assert mean == pytest.approx(half / math.log(2), rel=0.1) and half < mean < most
        assert row.percentile is not None and row.percentile.milliseconds.lower <= most <= row.percentile.milliseconds.upper
        assert row.energy is not None and not row.energy.estimated
        assert float(step["joulesPerRequest"]) == pytest.approx(row.energy.each.point, rel=0.1)


def test_of_servers_that_tell_no_times_and_no_energy_none_is_told() -> None:
    run = asked(claims=(TWICE,))
    run.to_its_end()
    for pool in ("home", "other"):
        (step,), row = run.steps(pool), run.row(pool)
        assert not {"meanMilliseconds", "p50Milliseconds", "p99Milliseconds", "joulesPerRequest"} & step.keys()
        assert (row.percentile, row.energy, row.beside) == (None, None, "")


def test_a_mean_that_one_window_does_not_tell_is_not_told_of_all() -> None:
    run = asked(world=serving(grounds=TELLING), claims=(TWICE,))
    run.until(lambda: run.memory.rows and run.row("other").capacity)
    for pods in run.world.deployments.values():
        pods.windows[-1] = pods.windows[-1]._replace(took_seconds=None)
    run.look()
    (step,) = run.steps("other")
    assert "meanMilliseconds" not in step and "p50Milliseconds" in step


def test_who_else_is_on_the_nodes_is_said_of_a_pool_while_it_is_measured_and_stays_said() -> None:
    run = asked(claims=(TWICE,))
    run.neighbours = {"home": Neighbours(pods=("ns/a",), nodes=2), "other": Neighbours(pods=("ns/b",))}
    run.turn()
    assert run.row("other").beside == "", "nothing is measured yet"
    run.until(lambda: run.row("other").beside and run.row("home").beside)
    run.neighbours = {}
    run.to_its_end()
    assert (run.row("home").beside, run.row("other").beside) == ("its 2 nodes also run ns/a", "its node also runs ns/b")


def test_a_pool_of_which_nothing_is_claimed_is_measured_until_enough_requests_came() -> None:
    run = asked(world=serving(policy=quick(min_good_requests=15_000)))
    assert run.to_its_end() == Reason.DECIDED
    row = run.row("other")
    assert row.capacity is not None and row.capacity.n >= 15_000


def test_a_claim_that_takes_longer_is_waited_for_until_the_time_of_its_load_is_over() -> None:
    close = half_of("other", "home", 2.0 / 1.1)
    run = asked(claims=(close,), duration=900, budget=20.0)
    assert run.to_its_end() == Reason.DEADLINE
    row = run.row("other")
    assert row.ended is not None and row.began is not None
    assert timedelta(seconds=900) <= row.ended - row.began <= timedelta(seconds=900 + 2 * WINDOW)
    assert run.memory.reserved is not None and run.paid <= run.memory.reserved
    assert "spec.durationSeconds" in run.memory.said and "claimed" in run.memory.said


def test_several_pools_are_tried_one_after_the_other() -> None:
    run = asked(pools=("other", "third", "home"), claims=(TWICE, half_of("third", "other", 1.0)))
    assert run.to_its_end() == Reason.DECIDED
    assert [past.target_pool for past in run.past] == ["other", "third"]
    assert [v.verdict.verdict for v in run.memory.verdicts] == [VerdictWord.CONFIRMED, VerdictWord.REFUTED]
    assert run.row("other").began != run.row("third").began


def test_pools_that_all_serve_are_measured_where_they_serve_and_nothing_is_begun() -> None:
    grounds = {"home": Ground(price=1.0, speed=100.0), "other": Ground(price=2.0, speed=100.0, family="other")}
    world = World(grounds=grounds, rate=200.0, policy=quick(), min_families=2, scaling=Scaling(minimum=4))
    world.until(lambda: {key.pool for key in world.memory.allocation} == {"home", "other"})
    world.tick(20)
    run = asked(world, claims=(TWICE,))
    assert run.to_its_end() == Reason.DECIDED
    assert not run.past and run.memory.reserved == 0
    assert {row.phase for row in run.memory.rows} == {TrialPhase.MEASURED}


def test_servers_that_do_not_tell_how_busy_they_are_leave_a_claim_open_and_it_is_said_what_would_decide_it() -> None:
    world = serving()
    world.busy_known = False
    world.tick(60)
    run = asked(world, claims=(TWICE,), duration=600)
    assert run.to_its_end() == Reason.DEADLINE
    assert "spec.load.mode: Synthetic" in run.memory.said
    (step,) = run.steps("other")
    assert step["requests"] > 0


# What it does not do


def test_a_pool_that_is_far_cheaper_gets_its_one_replica_too_and_the_move_there_is_the_next_decisions() -> None:
    world = serving()
    world.grounds["new"] = Ground(price=0.2, speed=100.0, claims=(half_of("new", "home").claim,))
    run = asked(world, pools=("home", "new"), claims=(half_of("new", "home", 0.2),))
    run.to_its_end()
    assert run.most["new"] == 1
    assert [v.verdict.verdict for v in run.memory.verdicts] == [VerdictWord.CONFIRMED]
    assert [(past.kind, past.outcome) for past in run.past] == [(MoveKind.EXPLORATION, Outcome.EXPLORED)]
    run.until(lambda: run.world.serves_on == "new")


def freeze(world: World) -> None:
    world.frozen = True


def pause(world: World) -> None:
    world.policy = replace(world.policy, paused=True)


def recommend(world: World) -> None:
    world.policy = replace(world.policy, mode=Mode.RECOMMEND)


def blind(world: World) -> None:
    world.seeing = False
    world.tick()


def deselect(world: World) -> None:
    world.grounds["other"].selected = False


def exhaust(world: World) -> None:
    world.grounds["other"].exhausted_until = world.now + timedelta(days=1)


def break_nodes(world: World) -> None:
    world.grounds["other"].unready = 30


def take_the_price(world: World) -> None:
    world.grounds["other"].priced = False


def fill(world: World) -> None:
    world.scaling = replace(world.scaling, maximum=sum(pods.desired for pods in world.deployments.values()))


def compile_again(world: World) -> None:
    world.grounds["other"].compiled = False


def limit_spot(world: World) -> None:
    world.grounds["other"].spot, world.max_spot_percent = True, 10


def allow_none(world: World) -> None:
    world.pools = {"other": PoolChoice(maximum=0)}


def fail_before(world: World) -> None:
    revision = next(o.candidate.revision for o in world.decisions[-1].options if o.pool == "other")
    entry = Quarantine(pool="other", revision=revision or "", until=world.now + timedelta(days=1), failures=1, reason="ViolatesSLO")
    world.memory = replace(world.memory, quarantine=(entry,))


def own_elsewhere(world: World) -> None:
    for pods in world.deployments.values():
        pods.owner = "hpa/embed"


def move_elsewhere(world: World) -> None:
    another = serving()
    another.under_way(MoveKind.REBALANCE, Step.BAKE, "home", "third")
    world.fleet = (world, another)


GATES: list[tuple[Callable[[World], None], str]] = [
    (freeze, "config.frozen"),
    (pause, "spec.rebalancing.paused"),
    (recommend, "set it to Auto"),
    (blind, "refuses connections"),
    (deselect, "spec.placement"),
    (exhaust, "could not deliver nodes"),
    (break_nodes, "unready"),
    (take_the_price, "price"),
    (fill, "spec.scaling.maxReplicas"),
    (compile_again, "compile"),
    (limit_spot, "spec.placement.maxSpotPercent"),
    (allow_none, "other"),
    (fail_before, "failed 1 time"),
    (own_elsewhere, "hpa/embed"),
    (move_elsewhere, "config.movesAtOnce"),
]


@pytest.mark.parametrize(("breaks", "said"), [pytest.param(b, s, id=b.__name__) for b, s in GATES])
def test_it_does_not_begin_while_what_protects_users_or_the_cluster_refuses_and_says_so(breaks: Callable[[World], None], said: str) -> None:
    world = serving(scaling=Scaling(minimum=4, maximum=20))
    breaks(world)
    run = asked(world, claims=(TWICE,), deadline=1800)
    told = ""
    while not run.finished:
        run.turn()
        told += run.said
        assert run.move is None and not run.past
    assert said in told
    assert not run.most.get("other")
    assert run.finished in {Reason.DEADLINE, Reason.NOTHING_MEASURED, Reason.SLO_AT_RISK}


def test_neither_an_expected_saving_nor_the_workloads_own_budget_nor_its_rest_is_asked_for() -> None:
    world = serving(policy=quick(exploration_budget=0.0, cooldown_seconds=86_400))
    run = asked(world)
    run.to_its_end()
    again = asked(world, name="again")
    assert again.to_its_end() == Reason.DECIDED
    assert len(run.past) == len(again.past) == 1


def test_what_it_costs_is_not_counted_against_the_workloads_own_trials() -> None:
    world = serving(policy=quick(exploration_budget=0.26))
    run = asked(world)
    run.to_its_end()
    assert sum(past.cost or 0.0 for past in run.past) > 0.22, "with the next one it is more than the workload may spend"
    world.trials = ()
    world.memory = replace(world.memory, history=tuple(replace(m, time=m.time - timedelta(hours=12)) for m in world.memory.history))
    world.grounds["new"] = Ground(price=0.2, speed=100.0, claims=(half_of("new", "home").claim,))
    world.until(lambda: world.memory.move is not None and world.memory.move.target.pool == "new")


def test_of_two_trials_the_older_one_is_carried_out_first_and_the_other_says_what_it_waits_for() -> None:
    world = serving()
    older = asked(world, name="older", pools=("home", "other"))
    older.turn()
    younger = LiveRun(world=world, name="younger", pools=("home", "third"))
    younger.look()
    assert "Exploration of home to other" in younger.said
    older.to_its_end()
    assert younger.to_its_end() == Reason.DECIDED


def test_one_that_waits_behind_an_older_one_names_it() -> None:
    world = serving()
    pause(world)
    older, younger = asked(world, name="older"), asked(world, name="younger")
    world.trials = tuple(each for each in (asks(older.trial, older.memory), asks(younger.trial, younger.memory)) if each is not None)
    younger.look()
    assert "AcceleratorTrial older of the same workload comes first" in younger.said


# Users and money


def test_a_pool_that_is_lost_is_no_answer_where_nothing_is_claimed_either() -> None:
    world = serving()
    world.grounds["other"].crashes = True
    run = asked(world)
    assert run.to_its_end() == Reason.NOTHING_MEASURED
    assert "TargetCrashed" in run.memory.said
    late = asked(duration=6000, budget=50.0)
    late.until(lambda: late.row("home").phase is TrialPhase.MEASURING if late.memory.rows else False)
    late.world.grounds["other"].crashes = True
    assert late.to_its_end() == Reason.TARGET_CRASHED
    assert late.row("home").phase is TrialPhase.MEASURED


def test_a_word_that_nobody_knows_in_the_workloads_history_ends_it_like_any_other() -> None:
    run = asked(claims=(TWICE,))
    run.until(lambda: run.row("home").phase is TrialPhase.MEASURING if run.memory.rows else False)
    move = run.move
    assert move is not None
    past = PastMove(
        source_pool="home",
        target_pool="other",
        target_revision=move.target.revision,
        time=run.world.now,
        outcome=Outcome.ROLLED_BACK,
        reason="Whatever",
        trial=move.trial,
    )
    run.world.memory = replace(run.world.memory, move=None, history=(past,))
    run.look()
    row = run.row("other")
    assert row.phase is TrialPhase.FAILED and row.message.startswith("Whatever: ")
    run.until(lambda: run.finished)


def test_a_target_that_misses_the_promise_goes_back_at_once_and_the_trial_ends() -> None:
    world = serving()
    world.grounds["other"].late = 0.3
    run = asked(world, claims=(TWICE,), duration=6000, budget=50.0)
    run.until(lambda: run.move is not None and run.move.step is Step.SHIFT)
    run.turn()
    run.turn()
    assert run.move is None or run.move.step is Step.BACK
    run.to_its_end()
    row = run.row("other")
    assert row.phase is TrialPhase.FAILED
    assert run.finished in {Reason.VIOLATES_SLO, Reason.SLO_AT_RISK}
    assert run.world.count("other") == 0


def test_where_the_workload_begins_to_miss_its_promise_the_trial_ends_and_its_replica_goes_when_the_others_carry_the_load() -> None:
    run = asked(claims=(TWICE,), duration=6000, budget=50.0)
    run.until(lambda: run.move is not None and run.move.step is Step.SHIFT)
    for ground in run.world.grounds.values():
        ground.late = 0.2
    run.until(lambda: run.finished)
    assert run.finished == Reason.SLO_AT_RISK
    run.until(lambda: run.move is None)


@pytest.mark.parametrize("when", [Step.SURGE, Step.SHIFT])
def test_one_that_is_stopped_goes_back_at_once_and_keeps_what_it_knows(when: Step) -> None:
    run = asked(claims=(half_of("other", "home", 2.0 / 1.1),), duration=6000, budget=50.0)
    run.until(lambda: run.move is not None and run.move.step is when)
    run.turn()
    run.stop = True
    run.turn()
    assert run.move is None or run.move.step is Step.BACK
    assert run.to_its_end() == Reason.STOPPED
    run.world.tick(3)
    assert run.world.count("other") == 0 and run.world.serves_on == "home"
    (past,) = run.past
    assert past.reason == Reason.NOT_ASKED_FOR
    assert not run.world.memory.quarantine


def test_one_that_is_deleted_leaves_nothing_behind_and_a_later_one_of_its_name_is_another() -> None:
    run = asked(claims=(half_of("other", "home", 2.0 / 1.1),), duration=6000, budget=50.0)
    run.until(lambda: run.move is not None and run.move.step is Step.SHIFT)
    key = run.trial.mine
    again = LiveRun(world=run.world, uid="uid-2", claims=run.claims)
    again.turn()
    move = run.world.memory.move
    assert move is None or (move.trial == key and move.step is Step.BACK)
    run.gone = True
    run.until(lambda: run.world.memory.move is None)
    assert run.world.count("other") == 0


def test_a_new_revision_of_the_workload_does_not_wait_for_it() -> None:
    run = asked(claims=(half_of("other", "home", 2.0 / 1.1),), duration=6000, budget=50.0)
    run.until(lambda: run.move is not None and run.move.step is Step.SHIFT)
    run.world.wish = "n"
    run.turn()
    assert run.move is not None and run.move.step is Step.BACK
    run.until(lambda: run.world.memory.move is not None and run.world.memory.move.kind is MoveKind.REVISION, most=5)
    assert run.row("other").message.startswith("NotAskedFor: a new revision")
    run.to_its_end()
    assert len(run.past) == 1


def test_a_pool_that_is_deleted_meanwhile_ends_its_part() -> None:
    run = asked(claims=(half_of("other", "home", 2.0 / 1.1),), duration=6000, budget=50.0)
    run.until(lambda: run.move is not None and run.move.step is Step.SHIFT)
    run.world.grounds["other"].exists = False
    run.until(lambda: run.finished and run.move is None)
    assert run.row("other").phase is TrialPhase.FAILED


@pytest.mark.parametrize(("least", "phase"), [(100, TrialPhase.MEASURED), (10**9, TrialPhase.FAILED)])
def test_once_its_other_pool_is_deleted_the_one_that_serves_waits_for_no_more_requests(least: int, phase: TrialPhase) -> None:
    """Whether enough came, or too few."""
    run = asked(claims=(half_of("other", "home", 2.0 / 1.1),), duration=6000, budget=50.0)
    run.until(lambda: run.move is not None and run.move.step is Step.SHIFT)
    run.world.policy = replace(run.world.policy, min_good_requests=least)
    run.world.grounds["other"].exists = False
    run.until(lambda: run.finished, most=6)
    assert (run.finished, run.row("home").phase) == (Reason.TARGET_GONE, phase)
    assert "pool other: TargetGone" in run.memory.said


def test_where_its_workload_is_made_anew_meanwhile_it_ends_with_what_came_between() -> None:
    """Nobody remembers its move."""
    run = asked(claims=(half_of("other", "home", 2.0 / 1.1),), duration=6000, budget=50.0)
    run.until(lambda: run.move is not None and run.move.step is Step.SHIFT)
    run.world.memory = replace(run.world.memory, move=None)
    run.world.policy = replace(run.world.policy, min_good_requests=10**9)
    run.until(lambda: run.finished, most=6)
    assert run.row("other").phase is TrialPhase.FAILED and "something else came between" in run.memory.said


def test_one_whose_budget_pays_for_too_little_does_not_begin_and_says_how_much_it_takes() -> None:
    run = asked(budget=0.1)
    assert run.to_its_end() == Reason.BUDGET_TOO_SMALL
    assert not run.past and "spec.budget" in run.memory.said
    needs = float(run.memory.said.partition(" cost ")[2].partition(" at most")[0])
    assert asked(budget=1.01 * needs).to_its_end() == Reason.DECIDED


def test_where_the_budget_says_for_how_long_each_pool_gets_an_equal_part_of_it() -> None:
    run = asked(pools=("home", "other", "third"), budget=1.6)
    run.until(lambda: run.move is not None)
    assert run.move is not None and run.move.reserved is not None
    assert run.move.reserved <= 0.8
    run.to_its_end()
    assert run.memory.reserved is not None and run.memory.reserved <= 1.6


def test_what_one_pool_has_cost_is_not_there_for_the_next_and_where_too_little_is_left_it_ends() -> None:
    run = asked(pools=("home", "other", "third"), budget=2.2, duration=900, claims=(half_of("other", "home", 2.0 / 1.1),))
    assert run.to_its_end() == Reason.BUDGET_SPENT
    assert [past.target_pool for past in run.past] == ["other"]
    assert "spec.budget" in run.memory.said


def test_a_pool_is_tried_once_though_nobody_looked_at_the_trial_since() -> None:
    run = asked(claims=(TWICE,), duration=600)
    run.until(lambda: run.move is not None and run.move.step is Step.SHIFT)
    for _ in range(60):
        run.turn(looks=False)
    assert [past.reason for past in run.past] == [Reason.EXPLORED] and run.move is None


def test_nothing_begins_for_one_whose_deadline_is_over_though_nobody_looked_at_it_and_the_next_is_not_kept_waiting() -> None:
    world = serving()
    pause(world)
    older = asked(world, name="older", deadline=600)
    older.turn()
    for _ in range(10):
        older.turn(looks=False)
    world.policy = replace(world.policy, paused=False)
    for _ in range(5):
        older.turn(looks=False)
    assert older.move is None and not older.past
    younger = asked(world, name="younger")
    world.trials = tuple(each for each in (asks(older.trial, older.memory), asks(younger.trial, younger.memory)) if each is not None)
    world.tick()
    assert younger.move is not None


def test_a_pool_that_delivers_no_node_ends_its_part_after_the_time_of_any_exploration_and_is_no_risk_to_users() -> None:
    world = serving()
    world.grounds["other"].delivers = False
    run = asked(world, duration=7200, budget=50.0)
    run.until(lambda: run.move is not None)
    began = world.now
    run.to_its_end()
    assert world.now - began <= timedelta(seconds=world.policy.exploration_deadline_seconds + 3 * WINDOW)
    assert run.finished == Reason.NOTHING_MEASURED and "TargetNotReady" in run.memory.said


def test_a_pool_without_quota_ends_its_part_in_the_same_way_and_is_not_said_to_have_failed() -> None:
    world = serving()
    world.grounds["other"].quota = 0
    run = asked(world, duration=7200, budget=50.0)
    run.to_its_end()
    assert run.finished == Reason.NOTHING_MEASURED and "WaitingForQuota" in run.memory.said
    assert not world.memory.quarantine


def test_a_serving_replica_that_waits_for_quota_comes_before_a_trial_of_its_pools() -> None:
    run = asked(duration=6000, budget=50.0)
    run.until(lambda: run.move is not None and run.move.step is Step.SHIFT)
    world, seen = run.world, run.world.placement
    world.placement = lambda key: replace(seen(key), queued=int(key.pool == "home"), queued_message="wait for quota")  # type: ignore[method-assign]
    run.to_its_end()
    assert run.finished == Reason.SLO_AT_RISK and "on pool home wait for quota, which the trial's pods use too" in run.memory.said


def test_what_breaks_the_promise_while_it_is_stopped_has_failed_all_the_same() -> None:
    run = asked(claims=(half_of("other", "home", 2.0 / 1.1),), duration=6000, budget=50.0)
    run.until(lambda: run.row("other").capacity is not None if run.memory.rows else False)
    run.world.grounds["other"].late, run.stop = 0.45, True
    run.to_its_end()
    (past,) = run.past
    assert past.reason == Reason.VIOLATES_SLO and run.world.memory.quarantine


def test_an_operator_that_begins_takes_nothing_back_of_what_was_found() -> None:
    run = asked(claims=(half_of("other", "home", 2.0 / 1.1),), duration=1800, budget=50.0)
    run.until(lambda: len(run.steps("other")) == 1 and run.steps("other")[0]["requests"] > 10_000 if run.memory.rows else False)
    before, served = run.row("other").capacity, run.steps("other")
    run.world.restart()
    run.turn()
    run.turn()
    assert run.row("other").capacity == before is not None
    assert run.steps("other") == served
    run.to_its_end()
    after = run.row("other").capacity
    assert after is not None and before is not None and after.n > before.n


def test_a_verdict_stays_when_what_it_rests_on_is_seen_no_more() -> None:
    """Watts are in no row of the trial: they are of the windows, which end with the replica."""
    world = serving()
    world.grounds["other"].watts, world.grounds["other"].tells_latencies = (50.0, 200.0), True
    watts = PoolClaim(pool="other", claim=Claim(name="watts", metric=ClaimMetric.POWER, value=1000.0, unit="Watts"))
    run = asked(world, pools=("home", "other", "third"), claims=(watts,))
    run.to_its_end()
    assert [v.verdict.verdict for v in run.memory.verdicts] == [VerdictWord.CONFIRMED]


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_it_ends_with_one_replica_at_most_and_costs_no_more_than_was_set_aside(seed: int) -> None:
    """Faults come and go; operators die, which takes what was read with them."""
    chance = random.Random(seed)
    world = serving(seed=seed + 1)
    world.grounds["other"].speed = chance.choice([40.0, 100.0, 250.0])
    world.busy_known = chance.random() < 0.7
    run = asked(
        world, pools=("home", "other"), claims=(half_of("other", "home", chance.choice([0.5, 1.8, 2.0])),), budget=8.0, deadline=14_400
    )
    faults: list[tuple[Callable[[], None], Callable[[], None]]] = [
        (lambda: setattr(world, "seeing", False), lambda: setattr(world, "seeing", True)),
        (lambda: setattr(world, "frozen", True), lambda: setattr(world, "frozen", False)),
        (lambda: setattr(world.grounds["other"], "crashes", True), lambda: setattr(world.grounds["other"], "crashes", False)),
        (lambda: setattr(world.grounds["other"], "late", 0.2), lambda: setattr(world.grounds["other"], "late", 0.002)),
        (lambda: setattr(world.grounds["other"], "delivers", False), lambda: setattr(world.grounds["other"], "delivers", True)),
        (world.restart, lambda: None),
        (lambda: setattr(world, "rate", 300.0), lambda: setattr(world, "rate", 200.0)),
    ]
    if seed % 2:
        faults.pop(0)  # While nothing can be read nothing is taken away from users: it may cost more then.
    kept: Callable[[], None] = lambda: None  # noqa: E731
    mostly = 0.0
    while not (run.finished and run.move is None):
        if chance.random() < 0.15:
            kept()
            breaks, kept = chance.choice(faults)
            breaks()
        elif chance.random() < 0.3:
            kept()
        run.turn()
        if run.move is not None:
            assert run.move.kind is MoveKind.EXPLORATION
            assert run.move.step not in {Step.BAKE, Step.DRAIN}
            mostly = max(mostly, run.move.target_replicas)
        assert len(run.decisions) < 500
    assert mostly <= 1
    assert len(run.past) <= 1
    reserved = run.memory.reserved or 0.0
    assert reserved <= run.budget
    assert all((past.cost or 0.0) <= run.budget for past in run.past)
    if seed % 2:
        assert run.paid <= reserved + world.grounds["other"].price * WINDOW / 3600


# Where a probe comes first


def unseen(**changes: object) -> World:
    """Servers that do not tell how busy they are."""
    world = serving(**changes)
    world.busy_known = False
    world.tick(64)
    return world


def test_where_the_server_can_be_probed_no_users_request_comes_there_before_that() -> None:
    run = asked(unseen(), duration=600)
    run.until(lambda: run.move is not None)
    assert run.move is not None and run.move.step is Step.PROBE and run.move.target_replicas == 0
    run.turn()
    assert "probed" in run.row("other").message
    run.until(lambda: run.move is not None and run.move.step is Step.SHIFT)
    assert [probe.placement.key.pool for probe in run.world.probed] == ["other"], "it is not compared by probes"
    run.to_its_end()
    assert run.most["other"] == 1


def test_a_target_that_breaks_the_promise_in_its_probe_never_gets_a_users_request() -> None:
    world = unseen()
    world.grounds["other"].late = 0.5
    run = asked(world, claims=(TWICE,), duration=600)
    run.to_its_end()
    assert not run.most.get("other")
    row = run.row("other")
    assert row.phase is TrialPhase.FAILED and "no user's request was sent there" in row.message


def test_what_a_probe_shows_to_have_no_room_beside_it_never_joins() -> None:
    world = unseen()
    world.grounds["other"].speed = 45.0
    fill(world)
    world.scaling = replace(world.scaling, maximum=world.scaling.maximum + 1)
    run = asked(world, duration=900, budget=50.0)
    run.to_its_end()
    assert [past.reason for past in run.past] == [Reason.NO_ROOM]
    assert not run.most.get("other") and not world.memory.quarantine


REFUSALS = [Reason.CLOCK_SUSPECT, Reason.LIMIT_REACHED, Reason.NOT_SELECTED, Reason.CANNOT_MEET_OBJECTIVE, Reason.TOO_EXPENSIVE]


@pytest.mark.parametrize("reason", REFUSALS)
def test_what_keeps_a_probed_target_from_joining_is_told_by_its_own_reason_and_nothing_is_quarantined(
    reason: Reason, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*arguments: Any) -> Considered:
        refusal = Refusal(reason, "not now")
        return replace(proposed(*arguments), review=Review((Finding("a_gate", refusal),)))

    proposed = go_on.asked
    monkeypatch.setattr(go_on, "asked", refused)
    run = asked(unseen(), claims=(TWICE,), duration=600)
    run.to_its_end()
    assert [past.reason for past in run.past] == [reason]
    assert f"{reason.value}: " in run.memory.said and "not now" in run.memory.said
    assert not run.most.get("other") and not run.world.memory.quarantine


def test_what_cannot_be_seen_once_it_is_probed_is_no_broken_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(go_on, "_judged_by_probe", lambda _, told: (told, (None, False)))
    run = asked(unseen(), claims=(TWICE,), duration=600)
    run.to_its_end()
    assert [past.reason for past in run.past] == [Reason.OBSERVATIONS_STALE]
    assert not run.world.memory.quarantine


def test_a_probe_is_as_long_as_it_is_whatever_the_workload_has_left_for_its_own_trials() -> None:
    probes = []
    for budget in (50.0, 0.0):
        world = unseen()
        world.policy = quick(exploration_budget=budget)
        run = asked(world, duration=600, budget=50.0)
        run.until(lambda run=run: run.world.probed)  # type: ignore[misc]
        probes.append(run.world.probed[0].seconds)
    assert probes[0] == probes[1]


def test_what_the_source_has_to_grow_by_beside_a_slower_target_is_paid_out_of_the_budget_too() -> None:
    def slower(budget: float) -> LiveRun:
        world = unseen()
        world.grounds["other"].speed = 45.0
        run = asked(world, duration=900, budget=budget)
        run.until(lambda: run.finished or (run.move is not None and run.move.step in {Step.SURGE, Step.BACK}))
        return run

    rich = slower(20.0)
    assert rich.move is not None and rich.move.step is Step.SURGE and rich.move.source_replicas > 4
    assert rich.move.reserved is not None
    rich.to_its_end()
    assert rich.most["other"] == 1
    poor = slower(rich.move.reserved * 0.8 if rich.move is not None and rich.move.reserved else 1.5)
    poor.to_its_end()
    assert not poor.most.get("other")


# What the workload does afterwards


def test_after_a_trial_the_workload_explores_when_it_would_have() -> None:
    world = serving()
    world.tick(60)
    run = asked(world, claims=(TWICE,), duration=600)
    run.to_its_end()
    world.trials = ()
    world.grounds["new"] = Ground(price=0.2, speed=100.0, claims=(half_of("new", "home").claim,))
    world.until(lambda: world.memory.move is not None and world.memory.move.target.pool == "new", 5)


@pytest.mark.parametrize("reason", [Reason.DEADLINE_PASSED, Reason.SLO_AT_RISK, Reason.EXPLORED])
def test_what_a_trial_ended_by_makes_no_move_of_the_workload_rest(reason: Reason) -> None:
    world = serving()
    world.tick(60)
    past = PastMove(
        source_pool="home",
        target_pool="other",
        target_revision="r1",
        time=world.now,
        outcome=Outcome.EXPLORED if reason is Reason.EXPLORED else Outcome.ROLLED_BACK,
        reason=reason.value,
        kind=MoveKind.EXPLORATION,
        trial=TrialKey("asked", "uid"),
    )
    world.memory = replace(world.memory, history=(*world.memory.history, past))
    world.grounds["new"] = Ground(price=0.2, speed=100.0, claims=(half_of("new", "home").claim,))
    world.until(lambda: world.memory.move is not None and world.memory.move.target.pool == "new", 5)


def test_a_trial_that_saw_too_few_requests_leaves_its_pool_open_to_the_workload() -> None:
    run = asked(duration=300)
    run.until(lambda: run.move is not None and run.move.step is Step.SHIFT)
    run.world.policy = replace(run.world.policy, min_good_requests=10**9)
    run.to_its_end()
    assert [past.reason for past in run.past] == [Reason.DEADLINE_PASSED]
    assert not run.world.memory.quarantine


def test_a_probe_without_a_result_says_nothing_of_its_pool() -> None:
    world = unseen()
    world.grounds["other"].delivers = False
    run = asked(world, duration=600)
    run.to_its_end()
    assert [past.reason for past in run.past] == [Reason.PROBE_FAILED]
    assert not world.memory.quarantine


def test_trials_crowd_nothing_out_of_what_the_workload_remembers_of_itself() -> None:
    world = serving()
    own = PastMove(
        source_pool="x",
        target_pool="home",
        target_revision="r",
        time=world.now,
        outcome=Outcome.MOVED,
        reason="Moved",
        kind=MoveKind.REBALANCE,
    )
    mine = tuple(replace(own, time=own.time - timedelta(days=n)) for n in range(HISTORY, 0, -1))
    others = tuple(replace(own, kind=MoveKind.EXPLORATION, trial=TrialKey("before", str(n))) for n in range(HISTORY))
    world.memory = replace(world.memory, history=(*mine, *others))
    run = asked(world, claims=(TWICE,))
    run.to_its_end()
    assert world.memory.own_history == mine
    assert [past.trial for past in world.memory.history if past.trial is not None] == [*(past.trial for past in others[1:]), run.trial.mine]


def test_where_a_route_has_weights_a_trial_measures_its_pool_by_shares_of_the_requests_and_all_of_them_come_back() -> None:
    there = Routed({"home": Ground(speed=10.0), "other": Ground(speed=20.0)}, rate=20.0, policy=quick(exploration_budget=0.0))
    there.tick(20)
    run, shares = LiveRun(there, claims=(half_of("other", "home", 0.1),)), set[int]()  # In truth it is 0.5.
    for _ in range(400):
        run.turn()
        if (move := there.memory.move) is not None and move.share is not None:
            shares.add(move.share)
        if run.memory.finished:
            break
    assert run.memory.finished == Reason.DECIDED
    (judged,) = run.memory.verdicts
    assert judged.verdict.verdict is VerdictWord.REFUTED
    assert judged.verdict.measured == pytest.approx(0.5, rel=0.2)
    assert shares >= {1, 5}, "the smallest parts come first"
    assert there.memory.move is None
    assert {key.pool for key, weight in there.written.items() if weight} == {"home"}


def test_where_shares_grow_what_was_served_is_told_since_the_first_of_them_on_both_pools() -> None:
    there = Routed({"home": Ground(speed=10.0), "other": Ground(speed=20.0)}, rate=20.0, policy=quick(exploration_budget=0.0))
    there.tick(20)
    run = LiveRun(there, claims=(half_of("other", "home", 0.1),))
    run.until(lambda: run.row("other").ended is not None if run.memory.rows else False)
    other = run.row("other")
    assert other.began is not None and other.began == run.row("home").began
    windows = {
        key.pool: [w for w in since(pods.windows, other.began) if other.ended is not None and w.end <= other.ended]
        for key, pods in there.deployments.items()
        if other.began is not None
    }
    run.to_its_end()
    for pool in ("home", "other"):
        (step,) = run.steps(pool)
        assert step["requests"] == sum(w.offered for w in windows[pool]) > 0


def test_each_share_of_a_route_is_written_and_served_however_small_a_part_of_the_requests_it_is() -> None:
    there = Routed({"home": Ground(speed=10.0), "other": Ground(speed=10.0)}, rate=20.0, policy=quick(exploration_budget=0.0))
    there.tick(20)
    run, written = LiveRun(there, claims=(half_of("other", "home", 0.1),)), dict[int, int]()
    while not run.memory.finished:
        run.turn()
        move = there.memory.move
        if move is not None and move.step is Step.SHIFT and move.share is not None:
            written.setdefault(move.share, there.written[move.target])
    assert there.count("home") > 2, "one percent of what the new replica is to get is less than half of a percent of all"
    weights = list(written.values())
    assert min(weights) > 0 and weights == sorted(set(weights)), written
