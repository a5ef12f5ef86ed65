"""Cost over the same minutes: what is compared with what, from where on nothing is saved, and what a move makes of it."""

from datetime import timedelta
from math import inf, log

import pytest

from steelyard.core.facts.memory import MoveKind, Outcome, Step
from steelyard.core.facts.tokens import Counted, Tokens
from steelyard.core.facts.unit_cost import Unit
from steelyard.core.facts.window import Window
from steelyard.core.rebalancing.break_even import break_even
from steelyard.core.rebalancing.cost_test import always_valid, cost_ratio, judge, log_ratios
from steelyard.core.statistics.interval import Interval
from steelyard.core.statistics.sequential import Result
from unit.core.windows import window
from unit.core.world import Ground, World, quick


def test_a_small_share_of_the_load_makes_no_request_dearer() -> None:
    busy = [window(i, good=600, busy=30.0, replicas=1) for i in range(3)]
    idle = [window(i, good=60, busy=3.0, replicas=1) for i in range(3)]
    assert log_ratios(idle, busy) == pytest.approx((0.0, 0.0, 0.0))
    slower = [window(i, good=60, busy=6.0) for i in range(3)]
    assert log_ratios(slower, busy) == pytest.approx((log(2),) * 3)


def test_late_answers_cost_and_are_not_counted() -> None:
    (ratio,) = log_ratios([window(good=300, slow=300, busy=30.0)], [window(good=600, busy=30.0)])
    assert ratio == pytest.approx(log(2))


def test_by_tokens_longer_answers_are_no_dearer_and_what_is_not_told_says_nothing() -> None:
    def of(output: int, **told: object) -> Window:
        good = Counted(input=1000, cached=0, output=output)
        return window(**told)._replace(tokens=Tokens(every=good, good=good))  # type: ignore[arg-type]

    longer, shorter = of(8000, good=600, busy=60.0), of(4000, good=600, busy=30.0)
    assert log_ratios([longer], [shorter]) == pytest.approx((log(2),))
    assert log_ratios([longer], [shorter], Unit.OUTPUT_TOKENS) == pytest.approx((0.0,))
    assert log_ratios([longer], [shorter], Unit.INPUT_TOKENS) == pytest.approx((log(2),))
    assert log_ratios([longer], [window(good=600, busy=30.0)], Unit.OUTPUT_TOKENS) == ()
    assert log_ratios([of(0, good=600, busy=60.0)], [shorter], Unit.OUTPUT_TOKENS) == ()


def test_only_the_same_minutes_are_compared() -> None:
    source = [window(0, busy=30.0), window(1, busy=60.0)]
    assert log_ratios([window(1, busy=60.0)], source) == pytest.approx((0.0,))
    assert log_ratios([window(5, busy=60.0)], source) == ()
    shifted = window(0, busy=60.0)
    shifted = shifted._replace(start=shifted.start + timedelta(seconds=40), end=shifted.end + timedelta(seconds=40))
    assert log_ratios([shifted], source) == pytest.approx((0.0,)), "the one that covers most of it"


@pytest.mark.parametrize("silent", [window(good=0), window(busy=0.0), window(busy=None)])
def test_a_window_without_a_good_request_or_a_busy_time_says_nothing(silent: object) -> None:
    assert log_ratios([silent], [window()]) == ()  # type: ignore[list-item]
    assert log_ratios([window()], [silent]) == ()  # type: ignore[list-item]


def test_fewer_than_three_windows_bound_nothing_and_more_of_the_same_bound_it_closer() -> None:
    assert always_valid([]) == (0.0, -inf, inf)
    assert always_valid([0.1, 0.2])[1:] == (-inf, inf)
    assert cost_ratio([0.1, 0.2], 1.0) is None
    widths = [upper - lower for n in range(2, 20) for _, lower, upper in [always_valid([0.1, 0.2] * n)]]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] < inf


def test_the_replicas_prices_enter_exactly() -> None:
    ratio = cost_ratio([log(0.5)] * 5, 3.0)
    assert ratio is not None
    assert (ratio.lower, ratio.point, ratio.upper) == pytest.approx((1.5, 1.5, 1.5))


@pytest.mark.parametrize(
    ("lower", "upper", "low", "high", "result"),
    [
        (0.5, 0.9, 1.0, 1.2, Result.PASS),
        (0.5, 1.1, 1.0, 1.2, Result.INCONCLUSIVE),
        (1.05, 1.1, 1.0, 1.2, Result.INCONCLUSIVE),
        (1.05, 1.3, 1.0, 1.0, Result.FAIL),
    ],
)
def test_passing_and_failing_are_both_sure(lower: float, upper: float, low: float, high: float, result: Result) -> None:
    test = judge(Interval((lower + upper) / 2, lower, upper), 9, (high, low))
    assert test.result is result
    assert "n = 9" in str(test)
    assert judge(None, 0, (low, high)).result is Result.INCONCLUSIVE


def test_whole_replicas_decide_from_where_on_nothing_is_saved() -> None:
    # Two of 7/s each carry 8/s for 2.00; one at 1.50 does too if it serves 8/s: at capacity it may be dearer by a third.
    assert break_even(8.0, 2, 0, 7.0, 1.5, 1) == pytest.approx(1.5 * 7 / 8, rel=0.01)
    # Four of 7/s carry 28/s; three at the same price have to carry it for anything to be saved.
    assert break_even(28.0, 4, 0, 7.0, 1.0, 1) == pytest.approx(3 / 4, rel=0.01)


def test_where_one_replica_costs_as_much_nothing_is_saved_at_any_speed() -> None:
    assert break_even(3.0, 1, 0, 7.0, 1.0, 1) == 0.0
    assert break_even(3.0, 2, 0, 7.0, 0.7, 3) == 0.0, "the user asks for three"
    assert break_even(0.0, 2, 0, 7.0, 0.7, 1) == inf, "where nothing is asked for any speed is enough"


# --- moves


def measured_and_cheaper(**changes: object) -> World:
    """It runs on a. b was tried and was more expensive; now its price has fallen, and a move to it has begun."""
    world = World({"a": Ground(speed=10, price=4), "b": Ground(speed=12, price=5)}, rate=24, policy=quick(bake_seconds=600), seed=4)
    for name, value in changes.items():
        setattr(world, name, value)
    world.until(lambda: bool(world.memory.history))
    assert world.moves() == [("a", "b", Outcome.EXPLORED)]
    world.grounds["b"].price = 1.0
    world.until(lambda: world.memory.move is not None)
    assert world.memory.move is not None
    assert world.memory.move.kind is MoveKind.REBALANCE
    return world


def test_a_target_that_is_cheaper_over_the_same_minutes_is_moved_to() -> None:
    world = measured_and_cheaper()
    world.until(lambda: world.memory.move is None)
    assert world.moves()[-1] == ("a", "b", Outcome.MOVED)


@pytest.mark.parametrize("change", [{"price": 9.0}, {"speed": 6.5, "price": 3.5}])
@pytest.mark.parametrize("step", [Step.SHIFT, Step.BAKE])
def test_a_target_that_turns_out_dearer_is_left_before_the_source_drains(step: Step, change: dict[str, float]) -> None:
    world = measured_and_cheaper()
    world.until(lambda: world.memory.move is not None and world.memory.move.step is step)
    for name, value in change.items():
        setattr(world.grounds["b"], name, value)
    steps = set()
    while world.memory.move is not None:
        steps.add(world.memory.move.step)
        world.tick()
    assert Step.DRAIN not in steps
    assert world.serves_on == "a"
    past = world.memory.history[-1]
    assert (past.outcome, past.reason) == (Outcome.ROLLED_BACK, "NotCheaper")
    assert world.memory.quarantine == ()


def test_what_stays_undecided_at_the_deadline_goes_back_and_was_never_a_pass() -> None:
    world = measured_and_cheaper()
    world.grounds["b"].price, world.noise = 3.6, 1.0
    world.until(lambda: world.memory.move is None)
    assert world.serves_on == "a"
    assert world.memory.history[-1].reason == "DeadlinePassed"


def test_a_server_that_does_not_tell_its_busy_time_is_judged_by_the_loads_that_it_carried() -> None:
    world = measured_and_cheaper(busy_known=False)
    world.until(lambda: world.memory.move is None)
    assert world.moves()[-1] == ("a", "b", Outcome.MOVED)
    other = measured_and_cheaper(busy_known=False)
    other.until(lambda: other.memory.move is not None and other.memory.move.step is Step.BAKE)
    other.grounds["b"].price = 20.0
    other.until(lambda: other.memory.move is None)
    assert other.serves_on == "a"


def test_a_bake_shorter_than_a_verdict_waits_for_it() -> None:
    world = measured_and_cheaper(policy=quick(bake_seconds=0, deadline_seconds=60))
    world.until(lambda: world.memory.move is not None and world.memory.move.step is Step.BAKE)
    waited = world.until(lambda: world.memory.move is None or world.memory.move.step is not Step.BAKE)
    assert 3 <= waited <= 8
    assert world.memory.move is not None
    assert world.memory.move.step is Step.DRAIN
