"""From windows to capacity and unit cost, and when a new figure replaces the remembered one."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from math import inf

import pytest

from steelyard.core.facts.capacity import Basis, Capacity
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Known
from steelyard.core.facts.snapshot import Promise
from steelyard.core.facts.window import Window
from steelyard.core.performance.capacity import RHO, broken_at, measured, occupied
from steelyard.core.performance.evidence import Shown, evidence, latest, remember
from steelyard.core.statistics.histogram import quantile
from steelyard.core.statistics.interval import Interval
from unit.core.windows import window


def chance() -> random.Random:
    return random.Random(1)


PROMISE = Promise(allowed=0.01, within=None)


def figures(windows: Sequence[Window], chance: random.Random, *, steady: bool, ran: Sequence[Window] | None = None) -> Known | None:
    return evidence(PlacementKey("a", "r"), Shown(windows=windows, ran=windows if ran is None else ran, steady=steady), PROMISE, chance)


def capacity_of(*windows: object, allowed: float = 0.01) -> Capacity:
    capacity = measured(windows, allowed, occupied(windows, chance()))  # type: ignore[arg-type]
    assert capacity is not None
    return capacity


def test_capacity_is_the_planned_utilisation_over_the_time_that_a_request_occupies() -> None:
    capacity = capacity_of(*(window(i, good=300) for i in range(10)))
    assert capacity.rate.point == pytest.approx(RHO / 0.1)
    assert capacity.basis is Basis.PLANNED
    assert capacity.n == 3000


def test_without_a_good_request_there_is_no_capacity_and_no_unit_cost() -> None:
    assert measured((window(good=0),), 0.01, None) is None
    assert figures((window(good=0), window(1, good=0)), chance(), steady=True) is None


def test_what_half_and_95_and_99_of_100_requests_take_is_that_of_the_window_in_the_middle() -> None:
    usual = {0.01: 300, 0.02: 540, 0.04: 580, 0.08: 600, inf: 600}
    odd = {0.01: 0, 0.02: 0, 0.04: 0, 0.08: 600, inf: 600}
    windows = [
        window(i)._replace(buckets=buckets, p99_milliseconds=1000 * quantile(buckets, 0.99))
        for i, buckets in enumerate([usual, odd, usual])
    ]
    found = figures(windows, chance(), steady=True)
    assert found is not None
    assert (found.p50_milliseconds, found.p95_milliseconds, found.p99_milliseconds) == (10.0, 35.0, 68.0)


def test_without_a_histogram_nobody_knows_what_half_of_the_requests_take() -> None:
    found = figures([window(i) for i in range(3)], chance(), steady=True)
    assert found is not None
    assert (found.p50_milliseconds, found.p95_milliseconds, found.p99_milliseconds) == (None, None, None)


def test_a_load_below_one_that_is_carried_is_not_blamed_for_a_window_of_late_requests() -> None:
    carried = [window(i, good=398, slow=2, busy=40.0) for i in range(12)]
    accident = window(12, good=330, slow=12, busy=34.2)
    alone = capacity_of(*carried)
    assert capacity_of(*carried, accident).rate.point == pytest.approx(alone.rate.point, rel=0.01)


def test_a_load_that_breaks_the_promise_in_all_its_windows_is_too_much() -> None:
    carried = [window(i, good=200, busy=20.0) for i in range(6)]
    broken = [window(6 + i, good=330, slow=12, busy=34.2) for i in range(6)]
    assert capacity_of(*carried, *broken).rate.point == pytest.approx(342 / 60, rel=0.02)


def test_one_window_whose_price_is_unknown_leaves_the_unit_cost_unknown() -> None:
    known = figures((window(0), window(1, cost=None)), chance(), steady=True)
    assert known is not None
    assert known.unit_cost is None
    assert known.capacity is not None


def test_windows_of_errors_alone_say_nothing_of_capacity() -> None:
    busy = window(5, good=0, error=500, busy=60.0)
    capacity = capacity_of(*(window(i, good=300) for i in range(5)), busy)
    assert capacity.rate.lower > 0
    assert capacity.rate.point == pytest.approx(7.0)


def test_misses_that_chance_explains_do_not_lower_capacity() -> None:
    capacity = capacity_of(*(window(i, good=397, slow=3, busy=40.0) for i in range(16)), window(16, good=393, slow=7, busy=40.0))
    assert capacity.rate.point == pytest.approx(7.0, rel=0.01)


def test_a_load_that_breaks_the_promise_lowers_capacity_but_never_below_half_of_what_the_busy_time_says() -> None:
    fast = [window(i, good=360, busy=36.0) for i in range(8)]
    capacity = capacity_of(*fast, window(8, good=200, slow=160, busy=36.0))
    assert capacity.rate.point == pytest.approx(6.0)
    floor = capacity_of(*fast, window(8, good=20, slow=60, shed=100, busy=36.0))
    assert floor.rate.point >= 0.45 * RHO / 0.1


def test_a_load_that_is_carried_beyond_what_the_busy_time_says_leaves_the_figure_as_it_is_however_wide_it_is() -> None:
    """Else more evidence would make it a load of which nobody knows how much more there is, and no forecast would be sized by it."""
    unsure = [window(0, good=60, busy=6.0), window(1, good=60, busy=18.0), window(2, good=60, busy=3.0), window(3, good=60, busy=9.0)]
    before, after = capacity_of(*unsure), capacity_of(*unsure, window(4, good=450, busy=60.0))
    assert after.rate.upper > 1.5 * after.rate.point, "wide"
    assert after.rate.point < 450 / 60, "carried"
    assert before.basis is after.basis is Basis.PLANNED
    assert not after.taught, "no promise was broken"
    assert before.rate.lower < after.rate.lower == pytest.approx(after.rate.point, rel=0.002)


def test_where_busy_time_is_not_told_a_carried_load_is_a_lower_bound() -> None:
    capacity = capacity_of(window(0, good=300, busy=None), window(1, good=360, busy=None))
    assert capacity.at_least
    assert capacity.rate.point == pytest.approx(6.0)


def test_a_smaller_load_does_not_shrink_what_was_carried_before() -> None:
    much = figures([window(i, good=600, busy=None) for i in range(16)], chance(), steady=True)
    little = figures([window(i, good=60, busy=None) for i in range(16)], chance(), steady=True)
    kept = remember(much, little, 300)
    assert kept is not None
    assert kept.capacity is not None
    assert kept.capacity.rate.point == 10.0


def test_a_capacity_learnt_from_a_broken_promise_is_not_forgotten_with_its_windows() -> None:
    old = figures([window(i, good=200, slow=160, busy=36.0) for i in range(16)], chance(), steady=True)
    calm = [window(i, good=300, busy=20.0) for i in range(16)]
    new = figures(calm, chance(), steady=True)
    assert old is not None
    assert new is not None
    assert old.capacity is not None
    low = replace(old, capacity=Capacity(Interval(5.5, 5.5, 6.0), Basis.MEASURED, 4000))
    kept = remember(low, new, 300, carried=5.0)
    assert kept is not None
    assert kept.capacity == low.capacity
    earned = remember(low, new, 300, carried=5.6)
    assert earned is not None
    assert earned.capacity == new.capacity
    # One that no broken promise taught has nothing to earn back.
    quiet = replace(old, capacity=Capacity(Interval(5.5, 5.0, 6.0), Basis.MEASURED, 4000))
    free = remember(quiet, new, 300, carried=5.0)
    assert free is not None
    assert free.capacity == new.capacity


def test_a_few_quick_windows_take_no_replicas_away() -> None:
    (known,) = capacities((7.0, 6.5, 7.5))
    few = figures([window(i, good=600, busy=30.0, replicas=2) for i in range(2)], chance(), steady=True)
    assert few is not None
    kept = remember(known, few, 300, carried=5.0)
    assert kept is not None
    assert kept.capacity == known.capacity
    assert kept.unit_cost == few.unit_cost, "what two replicas cost is news all the same"
    slow = figures([window(i, good=600, busy=118.0, replicas=2) for i in range(2)], chance(), steady=True)
    assert rate_of(remember(known, slow, 300, carried=5.0)).point < 4, "and slow ones are believed"


def test_noise_replaces_nothing_and_a_real_change_does() -> None:
    def seen(seed: int, good: int) -> object:
        noise = random.Random(seed)
        windows = [window(i, good=round(noise.gauss(good, good**0.5))) for i in range(16)]
        return figures(windows, random.Random(seed), steady=True)

    old = seen(0, 20)
    assert all(remember(old, seen(seed, 20), 300) == old for seed in range(1, 60))  # type: ignore[arg-type]
    assert remember(old, seen(99, 40), 300) != old  # type: ignore[arg-type]


def test_thin_traffic_is_collected_over_as_many_windows_as_it_takes() -> None:
    windows = [window(i, good=5) for i in range(100)]
    assert len(latest(windows, 300)) == 60
    assert len(latest(windows, 10)) == 16
    assert len(latest(windows, 10_000)) == 100


def test_figures_from_within_a_move_do_not_displace_steady_ones() -> None:
    steady = figures([window(i) for i in range(16)], chance(), steady=True)
    moving = figures([window(i, good=300) for i in range(16)], chance(), steady=False)
    assert remember(steady, moving, 300) == steady
    assert remember(moving, steady, 300) == steady


def test_a_cost_measured_with_another_number_of_replicas_is_news_even_where_the_intervals_overlap() -> None:
    def seen(replicas: int, *, dearer: float = 1.0, start: int = 0, steady: bool = True) -> Known:
        windows = [window(start + i, replicas=replicas, busy=60.0, cost=0.03 * dearer) for i in range(16)]
        known = figures(windows, chance(), steady=steady)
        assert known is not None
        return known

    two = seen(2)
    assert remember(two, seen(2, dearer=1.1, start=16), 300) == two
    three = seen(3, dearer=1.1, start=16)
    assert remember(two, three, 300) == three
    assert remember(two, seen(3, dearer=1.1, start=16, steady=False), 300) == two
    # What was written before the number was remembered says nothing of it.
    assert two.unit_cost is not None
    numberless = replace(two, unit_cost=replace(two.unit_cost, replicas=None))
    assert remember(numberless, three, 300) == numberless


def test_windows_of_several_sizes_have_no_number_of_replicas() -> None:
    mixed = figures([window(i, replicas=1.0 + i % 2) for i in range(16)], chance(), steady=False)
    assert mixed is not None
    assert mixed.unit_cost is not None
    assert mixed.unit_cost.replicas is None


def capacities(*rates: tuple[float, float, float], days: float = 0.0) -> list[Known]:
    """Steady figures of the same cost, so many days apart."""
    base = figures([window(i, good=300, busy=20.0) for i in range(64)], chance(), steady=True)
    assert base is not None
    assert base.unit_cost is not None
    found = []
    for number, rate in enumerate(rates):
        end = base.unit_cost.end + number * timedelta(days=days)
        capacity = Capacity(Interval(*rate), Basis.MEASURED, 4800)
        found.append(replace(base, capacity=capacity, unit_cost=replace(base.unit_cost, end=end)))
    return found


def rate_of(known: Known | None) -> Interval:
    assert known is not None
    assert known.capacity is not None
    return known.capacity.rate


def test_a_far_narrower_figure_is_news_though_it_agrees_with_the_wide_one() -> None:
    wide, narrow, alike = capacities((10.0, 6.0, 16.0), (10.5, 10.2, 10.8), (10.5, 7.0, 15.0))
    assert remember(wide, narrow, 300, carried=10.0) == narrow
    assert remember(wide, alike, 300, carried=10.0) == wide
    assert remember(narrow, wide, 300, carried=10.0) == narrow
    assert remember(wide, replace(narrow, steady=False), 300, carried=10.0) == replace(wide, capacity=narrow.capacity)


def test_what_is_not_earned_yet_narrows_what_was_left_open_and_leaves_the_size() -> None:
    taught, narrow = capacities((10.0, 10.0, 14.0), (10.5, 10.2, 10.8))
    assert rate_of(remember(taught, narrow, 300, carried=9.0)) == Interval(10.0, 10.0, 10.8)


def test_a_limit_that_a_broken_promise_taught_is_tried_again_by_a_step_a_day() -> None:
    low, high = (10.0, 10.0, 14.2), (14.0, 13.5, 14.5)
    known = capacities(low, *[high] * 6, days=1.01)
    kept, points = known[0], [10.0]
    for new in known[1:]:
        kept = remember(kept, new, 300, carried=9.0) or kept
        points.append(rate_of(kept).point)
    assert points == pytest.approx([10.0, 11.0, 12.1, 13.31, 14.0, 14.0, 14.0])


def test_a_load_that_broke_the_promise_twice_is_believed_at_once_however_near_it_is() -> None:
    known, broken = capacities((11.0, 10.8, 11.2), (10.4, 10.4, 11.2))
    assert remember(known, broken, 300, carried=10.0) == known
    assert remember(known, broken, 300, carried=10.0, broken=10.4) == broken
    assert remember(known, broken, 300, carried=10.0, broken=11.3) == known
    assert remember(known, broken, 300, carried=10.0, broken=10.39996) == broken, "as status writes it"
    noisy, lower = capacities((3.706, 3.45, 3.98), (3.517, 3.27, 3.78))
    assert remember(noisy, lower, 300, carried=2.0, broken=2.1) == noisy, "what was late at a third of the load had another reason"
    late = [window(i, good=270, slow=30 if i < 2 else 0, busy=24.0) for i in range(16)]
    assert broken_at(late, 0.01) == 5.0
    assert broken_at(late[1:], 0.01) is None


def test_what_a_new_size_costs_is_renewed_once_it_rests_on_enough_however_much_is_known_of_a_replica() -> None:
    noise = random.Random(3)
    alone = [window(i, good=20) for i in range(16)]
    kept = figures(alone, chance(), steady=True)
    pair: list[Window] = []
    good = []
    for count in range(16):
        pair.append(window(16 + count, good=round(noise.gauss(20, 20**0.5)), replicas=2.0))
        kept = remember(kept, figures(pair, chance(), steady=True, ran=[*alone, *pair]), 60)
        assert kept is not None
        assert kept.unit_cost is not None
        good.append(kept.unit_cost.good)
    assert good[0] < 60, "the size is news at once"
    assert good[3] >= 60, "what was asked for is there"
    assert len(set(good)) <= 4, "and no window is written for itself"


def test_a_cost_that_is_known_well_is_not_written_again_because_there_is_more_of_the_same() -> None:
    def seen(count: int) -> Known:
        known = figures([window(i, good=6000 + i % 3, replicas=2.0) for i in range(count)], chance(), steady=True)
        assert known is not None
        return replace(known, capacity=replace(known.capacity, n=10**6))  # type: ignore[type-var]

    assert remember(seen(4), seen(16), 300) == seen(4)


def test_steady_traffic_is_written_a_few_times_while_its_windows_fill_and_never_again() -> None:
    for workload in range(60):
        noise = random.Random(workload)
        # Reads and windows do not begin in the same moment: of the same traffic one window sees more than the next.
        windows = [window(i, good=round(noise.gauss(6000, 150)), replicas=2.0, busy=36.0) for i in range(80)]
        kept, written = None, list[int]()
        for count in range(1, 81):
            after = remember(kept, figures(windows[max(0, count - 16) : count], random.Random(count), steady=True), 300)
            assert after is not None
            written += [count] if after != kept else []
            kept = after
        assert len(written) <= 7
        assert written[-1] <= 16
        assert kept is not None
        assert kept.unit_cost is not None
        assert kept.unit_cost.interval.upper / kept.unit_cost.interval.lower < 1.07, "and is known well in the end"


def test_a_sample_that_grew_to_three_times_its_requests_is_news_and_another_one_of_that_size_is_none() -> None:
    noise = random.Random(4)
    windows = [window(i, good=round(noise.gauss(6000, 500)), replicas=2.0, busy=36.0) for i in range(21)]

    def seen(first: int, last: int) -> Known:
        known = figures(windows[first:last], chance(), steady=True)
        assert known is not None
        return replace(known, capacity=None, saturation=None)

    few, more, others = seen(0, 5), seen(0, 16), seen(5, 21)
    assert few.unit_cost and more.unit_cost and others.unit_cost
    assert min(more.unit_cost.good, others.unit_cost.good) >= 3 * few.unit_cost.good
    assert remember(few, more, 300) == more
    assert remember(few, others, 300) == few


def test_an_interval_that_chance_made_five_times_as_narrow_is_no_news_and_one_of_windows_that_became_alike_is() -> None:
    """Of 5,000 workloads some have eight windows that spread far, and then sixteen that hardly do, though nothing has changed."""
    known = figures([window(i, good=6000, replicas=2.0, busy=36.0) for i in range(8)], chance(), steady=True)
    assert known is not None and known.unit_cost is not None

    def of(half: float) -> Known:
        cost = replace(known.unit_cost, interval=Interval(1e-4, 1e-4 * (1 - half), 1e-4 * (1 + half)))  # type: ignore[type-var]
        return replace(known, capacity=None, saturation=None, unit_cost=cost)

    assert remember(of(0.025), of(0.005), 300) == of(0.025)
    assert remember(of(0.1), of(0.005), 300) == of(0.005)
