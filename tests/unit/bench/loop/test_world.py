"""What a replica costs and carries from its order to its end, and what a policy sees of it."""

from dataclasses import replace

import pytest

from bench.loop.policy import Observation
from bench.loop.world import UNBOUNDED, World, run
from unit.bench.loop.small import HOURLY, QUICK, SLOW, Scripted, small


def seen(world: World, *wishes: tuple[int, ...]) -> list[Observation]:
    policy = Scripted(*wishes)
    run(world, policy, allowance=0.0)
    return policy.seen


def test_a_replica_is_paid_from_its_order_and_serves_after_its_start_up() -> None:
    world = small([0, 0, 25, 25], SLOW, opening=[0])
    outcome = run(world, Scripted([1], [1], [1], [1]), allowance=0.0)
    assert outcome.missed == 0
    assert outcome.cost == pytest.approx(4 * 2)
    assert outcome.starts == 1


def test_what_comes_before_the_start_up_has_ended_is_missed() -> None:
    world = small([30, 30, 30], SLOW, opening=[0])
    outcome = run(world, Scripted([1], [1], [1]), allowance=0.0)
    assert outcome.missed == pytest.approx(30 + 30 + 5)
    assert outcome.overloaded == pytest.approx(90)


def test_only_the_part_above_what_is_carried_is_missed_and_all_of_the_step_is_overloaded() -> None:
    outcome = run(small([10, 14], QUICK, opening=[1]), Scripted([1], [1]), allowance=0.0)
    assert outcome.missed == pytest.approx(4)
    assert outcome.overloaded == pytest.approx(14)


def test_a_removed_replica_serves_no_longer_and_is_paid_until_it_has_drained() -> None:
    outcome = run(small([10, 10, 10, 10], QUICK, opening=[2]), Scripted([1], [1], [1], [1]), allowance=0.0)
    assert outcome.cost == pytest.approx(4 + 2)
    assert outcome.missed == pytest.approx(0)


def test_what_starts_is_cancelled_first_and_costs_nothing_more() -> None:
    outcome = run(small([10, 10], SLOW, opening=[1]), Scripted([3], [1]), allowance=0.0)
    assert outcome.cost == pytest.approx(2 * (3 + 1))


def test_of_what_starts_the_newest_is_cancelled_first() -> None:
    look = seen(small([0] * 4, replace(SLOW, startup_seconds=30), opening=[0]), (1,), (2,), (1,), (1,))
    assert [(s.ready, s.starting) for s in look] == [((0,), (0,)), ((0,), (1,)), ((0,), (2,)), ((1,), (0,))]


def test_a_wish_above_the_limit_is_cut() -> None:
    look = seen(small([0, 0], replace(QUICK, limit=2), opening=[0]), (5,), (5,))
    assert look[1].ready == (2,)
    assert look[1].limits == (2,)


def test_a_lower_limit_takes_replicas_at_once_and_without_pay_for_a_drain() -> None:
    limits = [[3], [3], [1], [1]]
    policy = Scripted([3], [3], [3], [3])
    outcome = run(small([0, 0, 15, 0], QUICK, opening=[3], limits=limits), policy, allowance=0.0)
    assert [s.ready for s in policy.seen] == [(3,), (3,), (1,), (1,)]
    assert outcome.missed == pytest.approx(5)
    assert outcome.cost == pytest.approx(3 + 3 + 1 + 1)


def test_a_lower_limit_takes_what_starts_before_what_is_ready() -> None:
    look = seen(small([0, 0], SLOW, opening=[1], limits=[[2], [1]]), (2,), (2,))
    assert (look[1].ready, look[1].starting) == ((1,), (0,))


def test_a_lower_limit_is_announced_as_long_before_as_the_pool_says() -> None:
    limits = [[UNBOUNDED], [UNBOUNDED], [UNBOUNDED], [1]]
    look = seen(small([0, 0, 0, 0], replace(QUICK, notice_seconds=20), opening=[0], limits=limits), (0,), (0,), (0,), (0,))
    assert [s.limits for s in look] == [(None,), (None,), (None,), (1,)]
    assert [s.limits_soon for s in look] == [(None,), (1,), (1,), (1,)]


def test_prices_are_seen_and_paid_as_they_are_in_each_step() -> None:
    world = small([0, 0], QUICK, opening=[1], prices=[[HOURLY], [3 * HOURLY]])
    assert [s.prices for s in seen(world, (1,), (1,))] == [(HOURLY,), (3 * HOURLY,)]
    assert run(world, Scripted([1], [1]), allowance=0.0).cost == pytest.approx(1 + 3)


def test_a_policy_sees_sums_since_its_last_look() -> None:
    policy = Scripted([1, 1], [1, 1])
    policy.every_seconds = 20
    run(small([35, 70, 0, 0], QUICK, SLOW, opening=[1, 1]), policy, allowance=0.0)
    first, second = policy.seen
    assert (first.seconds, first.requests, first.busy) == (0, 0.0, (None, None))
    assert (second.now, second.seconds, second.requests) == (20, 20, 105.0)
    assert second.missed == pytest.approx(35)
    assert second.replica_seconds == (20.0, 20.0)


def test_load_is_spread_by_true_capacity_so_that_all_are_equally_busy() -> None:
    look = seen(small([14, 0], QUICK, SLOW, opening=[1, 1]), (1, 1), (1, 1))
    assert look[1].served == pytest.approx((4, 10))
    assert look[1].busy == pytest.approx((0.34, 0.34))


def test_what_has_no_ready_replica_has_no_busy_fraction() -> None:
    look = seen(small([10, 10], QUICK, SLOW, opening=[1, 0]), (1, 0), (1, 0))
    assert look[1].busy[0] == pytest.approx(0.85)
    assert look[1].busy[1] is None


def test_a_policy_that_is_called_between_steps_is_refused() -> None:
    policy = Scripted([0])
    policy.every_seconds = 15
    with pytest.raises(ValueError, match="multiple of 10"):
        run(small([0], QUICK, opening=[0]), policy, allowance=0.0)
