"""No way back within the cool-down, through however many pools; and each time that a pool is left the way back to it grows longer."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from steelyard.core.facts.memory import HISTORY, MoveKind, Outcome, PastMove
from steelyard.core.facts.snapshot import Rebalancing
from steelyard.core.rebalancing.gates.cooldown import cooling_down, cyclic, explored_lately
from steelyard.core.statistics.interval import Interval
from steelyard.core.vocabulary.reason import Reason
from unit.core.proposals import passing, past
from unit.core.world import START, Ground, World, quick

HOUR = timedelta(hours=1)


def way_back(*history: PastMove, cooldown: int = 21600) -> timedelta:
    """How long after START the way to pool b opens."""
    refusal = cyclic(passing(history=history, policy=Rebalancing(cooldown_seconds=cooldown)))
    if refusal is None:
        return timedelta(0)
    assert refusal.reason is Reason.CYCLIC
    assert refusal.reconsider_at is not None
    return refusal.reconsider_at - START


def test_a_pool_that_was_left_lately_is_not_returned_to_through_any_number_of_others() -> None:
    assert way_back(past("b", "a", HOUR)) == 5 * HOUR
    assert way_back(past("b", "c", 3 * HOUR), past("c", "d", 2 * HOUR), past("d", "a", HOUR)) == 3 * HOUR
    assert way_back(past("b", "a", 6 * HOUR)) == timedelta(0)
    assert way_back(past("a", "c", HOUR)) == timedelta(0), "it was not b that was left"


def test_each_time_that_it_was_left_doubles_the_way_back_up_to_sixteen_cool_downs() -> None:
    def swinging(times: int) -> list[PastMove]:
        return [m for n in range(times, 0, -1) for m in (past("a", "b", (2 * n + 1) * HOUR), past("b", "a", 2 * n * HOUR))]

    assert [way_back(*swinging(times)[-8:]) + 2 * HOUR for times in (1, 2, 3, 4, 9)] == [6 * HOUR * 2**n for n in (0, 1, 2, 3, 3)]
    assert way_back(*[past("b", "a", HOUR)] * 8) == 16 * 6 * HOUR - HOUR


def test_no_pause_grows_beyond_thirty_days_and_none_is_made_where_the_user_wants_none() -> None:
    often = [past("b", "a", HOUR)] * 8
    assert way_back(*often, cooldown=20 * 86400) == timedelta(days=30) - HOUR
    assert way_back(*often, cooldown=0) == timedelta(0)


def test_a_new_revision_leaves_no_pool() -> None:
    assert way_back(past("b", "b", HOUR)) == timedelta(0)


def test_a_move_that_went_back_because_the_pool_was_not_cheaper_counts_as_one_that_left_it() -> None:
    futile = past("a", "b", timedelta(minutes=10), Outcome.ROLLED_BACK, reason="NotCheaper")
    assert way_back(futile, futile) == 12 * HOUR - timedelta(minutes=10)
    assert way_back(futile, cooldown=0) == timedelta(minutes=20), "what was just found dearer is not begun again at once"
    assert way_back(past("a", "b", HOUR, Outcome.ROLLED_BACK, reason="ViolatesSLO")) == timedelta(0), "for that there is the quarantine"


def trial(ago: timedelta, **more: object) -> PastMove:
    return past("a", "b", ago, Outcome.EXPLORED, kind=MoveKind.EXPLORATION, **more)


@pytest.mark.parametrize(("trials", "hours"), [(1, 6), (2, 12), (3, 24), (4, 48), (8, 720)])
def test_trials_of_a_pool_are_ever_longer_apart(trials: int, hours: int) -> None:
    """A day saves 0.5 there, which another trial costs too."""
    refusal = explored_lately(passing(expected_saving=0.5, history=tuple(trial((trials - n) * HOUR) for n in range(trials))))
    assert refusal is not None
    assert refusal.reason is Reason.EXPLORED_LATELY
    assert refusal.reconsider_at == START + (hours - 1) * HOUR
    assert explored_lately(passing(expected_saving=0.5, history=(trial(HOUR, target_revision="r0"),))) is None, (
        "another revision is another question"
    )
    assert explored_lately(passing(expected_saving=0.5, history=(past("a", "b", HOUR),))) is None, "a move is no trial"


@pytest.mark.parametrize(("trials", "least"), [(1, 48 / 5), (2, 192 / 11), (3, 768 / 23)])
def test_a_trial_that_left_it_open_is_made_again_at_once_where_waiting_is_expected_to_cost_more(trials: int, least: float) -> None:
    """A trial costs 0.5, counted four times for each one before. The last ended an hour ago: 5, 11 or 23 hours are left, and `least` is saved in 24."""
    before = tuple(trial((trials - n) * HOUR, reason=Reason.NOT_CHEAPER.value) for n in range(trials))
    assert explored_lately(passing(expected_saving=least * 1.01, history=before)) is None
    assert explored_lately(passing(expected_saving=least * 0.99, history=before)) is not None
    assert explored_lately(passing(expected_saving=None, history=before)) is not None
    assert explored_lately(passing(expected_saving=1e-9, move_cost=0.0, history=before)) is not None, (
        "one that costs nothing has no measure"
    )
    broken = replace(before[-1], outcome=Outcome.ROLLED_BACK)
    assert explored_lately(passing(expected_saving=least * 1.01, history=(*before[:-1], broken))) is not None, "it broke the promise there"
    stopped = replace(before[-1], reason=Reason.NOT_ASKED_FOR.value)
    assert explored_lately(passing(expected_saving=least * 1.01, history=(*before[:-1], stopped))) is not None, "it was not measured"
    others = tuple(replace(trial(2 * HOUR), target_pool=f"c{n}") for n in range(HISTORY // 2 - trials))
    assert explored_lately(passing(expected_saving=least * 1.01, history=(*others, *before))) is not None, (
        "the older ones would be forgotten"
    )
    assert explored_lately(passing(expected_saving=least * 1.01, move_cost=None, history=before)) is not None


def test_one_move_is_followed_by_a_rest_and_a_trial_by_none() -> None:
    assert cooling_down(passing(history=(past("a", "b", HOUR),))) is not None
    assert cooling_down(passing(history=(past("a", "b", 6 * HOUR),))) is None
    assert cooling_down(passing(history=(trial(HOUR),))) is None
    assert cooling_down(passing(history=(trial(HOUR),), kind=MoveKind.EXPLORATION)) is None, (
        "another pool is tried while there is money for it"
    )
    assert cooling_down(passing(history=(past("a", "b", HOUR),), kind=MoveKind.EXPLORATION)) is not None


def test_a_move_by_which_another_pool_takes_more_from_the_same_one_does_not_wait_where_that_surely_costs_more_than_the_move() -> None:
    went = past("a", "c", HOUR, kind=MoveKind.REBALANCE)
    surely = {"source_cost": Interval(4.0, 4.0, 5.0), "target_cost": Interval(2.0, 2.0, 2.0)}  # 2 an hour, and 5 hours of rest are left
    assert cooling_down(passing(history=(went,), **surely, move_cost=9.9)) is None
    assert cooling_down(passing(history=(went,), **surely, move_cost=10.1)) is not None
    assert cooling_down(passing(history=(went,), source_cost=Interval(4.0, 1.0, 7.0), move_cost=9.9)) is not None, "not surely"
    assert cooling_down(passing(history=(went,), source_pool="c", **surely)) is not None, "what was just taken over is not given on at once"
    again = passing(history=(past("a", "b", 2 * HOUR, kind=MoveKind.REBALANCE), went), **surely)
    assert cooling_down(again) is not None, "the load has undone it since, and would again"
    assert cooling_down(replace(again, weighted=True, move_cost=4.9)) is None, "behind a route it is made again"
    assert cooling_down(replace(again, weighted=True, move_cost=5.1)) is not None, "where it saves what it costs once more"
    back = replace(went, outcome=Outcome.ROLLED_BACK)
    assert cooling_down(passing(history=(back,), **surely)) is not None, "nothing was reached that could be gone on from"
    assert cooling_down(passing(history=(replace(went, kind=MoveKind.RESCUE),), **surely)) is not None, "that was left for the promise"
    trial = passing(history=(went,), kind=MoveKind.EXPLORATION, source_cost=Interval(4.0, 4.0, 5.0), target_cost=None)
    assert cooling_down(trial) is not None, "a trial is no step to what is known to be cheaper"


def test_a_price_that_swings_every_two_hours_moves_a_workload_ever_more_rarely() -> None:
    # Windows of ten minutes, so that days pass quickly.
    times = quick(
        window_seconds=600,
        bake_seconds=1200,
        deadline_seconds=7200,
        exploration_deadline_seconds=7200,
        cooldown_seconds=3600,
        exploration_budget=50.0,
    )
    world = World({"a": Ground(speed=10, price=4.0), "b": Ground(speed=10, price=4.4)}, rate=24, policy=times)
    for hour in range(24 * 8):
        world.grounds["b"].price = 1.0 if hour % 4 < 2 else 16.0
        world.tick(6)
    to_b = sorted({m.time for m in world.ended if (m.target_pool, m.outcome) == ("b", Outcome.MOVED)})
    gaps = [later - earlier for earlier, later in pairwise(to_b)]
    assert len(to_b) >= 4
    assert min(gaps[1:]) > gaps[0]
    assert min(gaps) > timedelta(hours=11), "eleven cool-downs"
    assert any(d.reason is Reason.CYCLIC for d in world.decisions)
