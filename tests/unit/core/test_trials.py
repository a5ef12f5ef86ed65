"""Trials: what was measured long ago is worth another look, rarely, one at a time, and within the day's money."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from steelyard.core.facts.capacity import Basis, Capacity
from steelyard.core.facts.memory import Known, MoveKind, Outcome, PastMove, Step
from steelyard.core.facts.snapshot import Mode, Rebalancing
from steelyard.core.facts.unit_cost import UnitCost
from steelyard.core.performance.ageing import aged, old
from steelyard.core.performance.evidence import remember
from steelyard.core.rebalancing.chain import EXPLORATION, review
from steelyard.core.rebalancing.gates.budget import trial_too_expensive
from steelyard.core.statistics.interval import Interval
from steelyard.core.vocabulary.reason import Reason, Refusal
from unit.core.proposals import passing, past
from unit.core.world import START, Ground, World, quick

DAY = timedelta(days=1)


def measured(days_ago: float, rate: float = 10.0, *, steady: bool = True, n: int = 1000) -> Known:
    end = START - days_ago * DAY
    return Known(
        pool="b",
        revision="r",
        capacity=Capacity(Interval(rate, rate * 0.95, rate * 1.05), Basis.MEASURED, n),
        unit_cost=UnitCost(Interval(0.03, 0.029, 0.031), n, 0.03, end - timedelta(minutes=16), end),
        steady=steady,
    )


def width(known: Known) -> tuple[float, float]:
    capacity = aged(known, START)
    assert capacity is not None
    assert capacity.rate.point == 10.0
    assert capacity.basis is Basis.MEASURED
    return pytest.approx((capacity.rate.lower, capacity.rate.upper), rel=1e-3)  # type: ignore[return-value]


def test_a_figure_is_sure_for_a_week_then_wider_with_every_day_and_never_wider_than_a_claim() -> None:
    assert width(measured(0)) == (9.5, 10.5)
    assert width(measured(7)) == (9.5, 10.5)
    assert width(measured(14)) == (9.5 / 2**0.5, 10.5 * 2**0.5)
    assert width(measured(21)) == (5.0, 20.0)
    assert width(measured(400)) == (5.0, 20.0)
    assert [old(measured(days), START) for days in (6.9, 7.1)] == [False, True]


def test_a_figure_without_a_date_is_as_unsure_as_it_gets() -> None:
    assert width(replace(measured(0), unit_cost=None)) == (5.0, 20.0)


def test_a_figure_that_was_wider_than_a_claim_all_along_stays_as_it_was() -> None:
    vague = replace(measured(30), capacity=Capacity(Interval(10.0, 1.0, 90.0), Basis.MEASURED, 10))
    assert width(vague) == (1.0, 90.0)


def test_a_figure_that_is_measured_again_has_a_new_date_though_it_says_the_same() -> None:
    assert remember(measured(0.5), measured(0), 300) == measured(0.5), "not at every look"
    assert remember(measured(1.5), measured(0), 300) == measured(0)
    assert remember(measured(1.5), measured(0, steady=False), 300) == measured(1.5), "a move does not displace what standing there costs"
    assert remember(measured(8), measured(0, steady=False), 300) == measured(0, steady=False), "but for one that is old"
    assert remember(measured(8), measured(0, n=200), 300) == measured(8), "and never on too small a sample"


def test_a_trial_finds_a_pool_faster_at_once_unless_a_broken_promise_taught_the_old_figure() -> None:
    found = remember(measured(0.5), measured(0, 20.0), 300, carried=2.0)
    assert found is not None
    assert found.capacity == measured(0, 20.0).capacity
    taught = replace(measured(0.5), capacity=Capacity(Interval(10.0, 10.0, 12.0), Basis.MEASURED, 1000))
    assert remember(taught, measured(0, 20.0), 300, carried=2.0) == taught, "while it is young a higher capacity has to be carried first"
    old_one = replace(measured(8), capacity=taught.capacity)
    found = remember(old_one, measured(0, 20.0), 300, carried=2.0)
    assert found is not None
    assert found.capacity == measured(0, 20.0).capacity


# --- money


def trial(hours_ago: float, cost: float | None) -> PastMove:
    return past(
        "a", "c", timedelta(hours=hours_ago), Outcome.EXPLORED, kind=MoveKind.EXPLORATION, cost=cost, reason=Reason.NOT_CHEAPER.value
    )


@pytest.mark.parametrize(
    ("history", "refused"),
    [
        ((), False),
        ((trial(8, 0.4),), False),
        ((trial(8, 0.6),), True),
        ((trial(8, 0.3), trial(20, 0.3)), True),
        ((trial(8, 0.3), trial(25, 0.9)), False),
        ((trial(8, None),), True),
        ((trial(25, None),), False),
        ((past("a", "c", timedelta(hours=8), kind=MoveKind.REBALANCE),), False),
    ],
)
def test_the_trials_of_a_day_stay_within_its_budget(history: tuple[PastMove, ...], refused: bool) -> None:
    policy = Rebalancing(mode=Mode.AUTO, exploration_budget=1.0)
    verdict = review(EXPLORATION, passing(kind=MoveKind.EXPLORATION, policy=policy, move_cost=0.5, history=history)).verdict
    assert (verdict is not None) == refused
    if verdict is not None:
        assert verdict.reason is Reason.BUDGET_EXHAUSTED
        assert verdict.reconsider_at is not None


def test_the_refusal_names_the_trials_and_the_hour_at_which_each_stops_counting() -> None:
    policy = Rebalancing(mode=Mode.AUTO, exploration_budget=1.0)
    history = (trial(20, 0.2), trial(8, None), trial(7, 0.3))
    verdict = review(EXPLORATION, passing(kind=MoveKind.EXPLORATION, policy=policy, move_cost=0.5, history=history)).verdict
    assert verdict is not None
    assert verdict.message.endswith(
        "counted are the exploration of pool c until 2026-01-05 12:00 UTC (0.2), the exploration of pool c until 2026-01-06 00:00 UTC "
        "(the whole budget, as its cost is not known), the exploration of pool c until 2026-01-06 01:00 UTC (0.3)"
    )
    assert verdict.reconsider_at == START + timedelta(hours=16), "not when the oldest ends, but when enough of them have"


def test_a_trial_that_no_day_has_the_money_for_waits_for_no_hour() -> None:
    policy = Rebalancing(mode=Mode.AUTO, exploration_budget=0.4)
    verdict = review(EXPLORATION, passing(kind=MoveKind.EXPLORATION, policy=policy, move_cost=0.5, history=(trial(8, 0.1),))).verdict
    assert verdict is not None
    assert verdict.reason is Reason.BUDGET_EXHAUSTED
    assert verdict.reconsider_at is None


def test_where_a_trial_of_today_may_be_forgotten_none_begins() -> None:
    """Eight moves are remembered; the money of one before them is not known, and is not taken for nothing."""
    policy = Rebalancing(mode=Mode.AUTO, exploration_budget=1000.0)

    def refusal(*hours: float) -> Refusal | None:
        moves = tuple(trial(ago, 0.1) for ago in hours)
        return trial_too_expensive(passing(kind=MoveKind.EXPLORATION, policy=policy, move_cost=0.5, history=moves))

    assert refusal(23, 7, 6, 5, 4, 3, 2) is None
    assert refusal(25, 7, 6, 5, 4, 3, 2, 1) is None, "the oldest is of yesterday, so those before it are"
    refused = refusal(23, 7, 6, 5, 4, 3, 2, 1)
    assert refused is not None
    assert refused.reason is Reason.BUDGET_EXHAUSTED
    assert refused.reconsider_at == START + timedelta(hours=1)


def test_pools_are_tried_one_after_the_other_on_one_day_until_the_cheapest_is_found() -> None:
    """Nothing is claimed of any, and the last that is tried is twice as fast."""
    grounds = {name: Ground(speed=10) for name in "abcde"} | {"f": Ground(speed=20)}
    world = World(grounds, rate=24, policy=quick(cooldown_seconds=6 * 3600, exploration_budget=100.0))
    world.until(lambda: world.serves_on == "f" and world.memory.move is None, most=6 * 60)
    assert [m.target_pool for m in world.ended] == ["b", "c", "d", "e", "f"]


# --- over days


HALF_AN_HOUR = 1800
"""Seconds of a window in which weeks pass: a trial takes a few of them, and its pauses are of hours and days."""


def slow(**changes: object) -> object:
    """Windows of ten minutes, so that weeks pass quickly."""
    times = {"window_seconds": 600, "bake_seconds": 1200, "deadline_seconds": 9000, "exploration_deadline_seconds": 9000}
    return quick(**{**times, "cooldown_seconds": 21600, **changes})


def tried(world: World, pool: str) -> list[PastMove]:
    return [m for m in world.ended if m.kind is MoveKind.EXPLORATION and m.target_pool == pool]


def test_a_trial_says_what_it_cost() -> None:
    world = World({"a": Ground(speed=16, price=2.0), "b": Ground(speed=12, price=2.0)}, rate=24)
    world.until(lambda: world.memory.move is not None)
    began = world.memory.move
    assert began is not None
    world.until(lambda: world.memory.move is None)
    (past_trial,) = tried(world, "b")
    assert past_trial.cost == pytest.approx(2.0 * (past_trial.time - began.started).total_seconds() / 3600)


def test_a_trial_whose_pool_is_deleted_says_what_it_cost_and_locks_no_other() -> None:
    grounds = {"a": Ground(speed=16, price=2.0), "b": Ground(speed=12, price=2.0), "c": Ground(speed=12, price=2.0)}
    world = World(grounds, rate=24, policy=quick(cooldown_seconds=1800))
    world.until(lambda: world.memory.move is not None and world.memory.move.step is Step.SHIFT)
    began = world.memory.move
    assert began is not None
    gone, other = (began.target.pool, "c" if began.target.pool == "b" else "b")
    world.grounds[gone].exists = False
    world.until(lambda: world.memory.move is None)
    (past_trial,) = tried(world, gone)
    assert past_trial.reason == Reason.TARGET_GONE.value
    assert past_trial.cost == pytest.approx(2.0 * (past_trial.time - began.started).total_seconds() / 3600)
    world.until(lambda: bool(tried(world, other)), most=90)


def test_a_trial_costs_what_its_replica_cost_when_it_began_whatever_the_price_is_at_its_end() -> None:
    world = World({"a": Ground(speed=16, price=2.0), "b": Ground(speed=12, price=2.0)}, rate=24)
    world.until(lambda: world.memory.move is not None)
    began = world.memory.move
    assert began is not None
    world.tick(2)
    world.grounds["b"].price = 20.0
    world.until(lambda: world.memory.move is None)
    (past_trial,) = tried(world, "b")
    assert past_trial.cost == pytest.approx(2.0 * (past_trial.time - began.started).total_seconds() / 3600)


def test_a_pool_that_was_dearer_is_looked_at_again_after_a_week_and_rarely_and_found_when_it_has_become_cheaper() -> None:
    world = World({"a": Ground(speed=16), "b": Ground(speed=12)}, rate=60, policy=slow(window_seconds=HALF_AN_HOUR))
    world.tick(48 * 24)
    times = [m.time for m in tried(world, "b")]
    assert len(times) >= 2
    assert all(later - earlier > 7 * DAY for earlier, later in pairwise(times))
    assert {m.outcome for m in world.ended} == {Outcome.EXPLORED}
    world.grounds["b"].speed = 40
    world.until(lambda: world.serves_on == "b", most=48 * 40)


def test_a_trial_that_never_succeeds_is_tried_ever_more_rarely() -> None:
    world = World(
        {"a": Ground(speed=10), "b": Ground(speed=20, delivers=False)},
        rate=24,
        policy=slow(exploration_budget=100.0, window_seconds=HALF_AN_HOUR),
    )
    world.tick(48 * 14)
    times = [m.time for m in tried(world, "b")]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert len(times) >= 3
    assert all(later > 1.5 * earlier for earlier, later in pairwise(gaps))


def test_two_pools_that_are_worth_a_trial_are_tried_one_after_the_other_and_on_two_days_where_the_money_is_for_one() -> None:
    def begun(budget: float) -> list[PastMove]:
        grounds = {"a": Ground(speed=16), "b": Ground(speed=12), "c": Ground(speed=12)}
        world = World(grounds, rate=24, policy=slow(cooldown_seconds=3600, exploration_budget=budget))
        world.tick(6 * 48)
        assert {m.target_pool for m in world.ended} == {"b", "c"}
        return sorted(world.ended, key=lambda m: m.time)

    one, two = begun(10.0)
    assert timedelta(hours=1) <= two.time - one.time < timedelta(hours=8)
    one, two = begun(2.6)
    assert two.time - one.time >= DAY


def test_no_pool_is_tried_while_something_holds_the_workload() -> None:
    world = World({"a": Ground(speed=10), "b": Ground(speed=12, price=1.5)}, rate=24)
    world.until(lambda: bool(world.memory.history))
    world.grounds["b"].price, world.grounds["b"].unready = 0.3, 20
    world.grounds["c"] = Ground(speed=20)
    decision = world.tick(120)
    assert (decision.verdict, decision.reason) == ("Hold", Reason.TOO_MANY_UNREADY_NODES)
    assert not tried(world, "c")


def test_a_workload_that_keeps_one_replica_little_busy_tries_a_pool_whose_replica_costs_half_and_none_that_costs_as_much() -> None:
    """It pays for a whole replica, and the trial for an hour of one: what it saves in a day is more, however few its requests are."""
    policy = quick(payback_seconds=86_400, exploration_budget=50.0, exploration_deadline_seconds=3600, deadline_seconds=3600)
    world = World(grounds={"home": Ground(price=2.0, speed=100.0)}, rate=1.0, policy=policy)
    world.until(lambda: world.serves_on == "home")
    world.grounds["alike"] = Ground(price=2.0, speed=100.0)
    world.tick(60)
    assert not world.memory.history, "by the request it would save a few per cent of a replica"
    world.grounds["half"] = Ground(price=1.0, speed=100.0)
    world.until(lambda: world.serves_on == "half")
    assert {past.target_pool for past in world.memory.history} == {"half"}
