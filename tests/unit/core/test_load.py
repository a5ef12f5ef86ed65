"""What is asked for, from windows of several placements: those that serve and those that did."""

from __future__ import annotations

from datetime import timedelta
from math import sqrt

import pytest

from steelyard.core.facts.window import Window
from steelyard.core.performance.lateness import Lateness
from steelyard.core.planning.load import OUTER, PEAK_SIGMAS, START, load
from steelyard.core.planning.reserve import Risk
from unit.core.windows import window

RISK = Risk(lateness=Lateness(allowed=0.01, busy=0.7))


def later(windows: list[Window], seconds: float) -> list[Window]:
    shift = timedelta(seconds=seconds)
    return [w._replace(start=w.start + shift, end=w.end + shift) for w in windows]


def test_nothing_read_is_no_load_and_a_window_of_no_length_is_no_window() -> None:
    empty = window(0)._replace(end=window(0).start)
    assert load([[], []], [], RISK) is None
    assert load([[empty]], [], RISK) is None
    assert load([[]], [[window(0, good=600)]], RISK) is None, "what served an hour ago says nothing of now"


def test_windows_of_two_placements_are_added_and_the_peak_is_what_chance_may_show() -> None:
    both = load([[window(i, good=600) for i in range(20)], [window(i, good=300) for i in range(20)]], [], RISK)
    assert both is not None
    assert (both.now, both.busiest, both.mean) == (15.0, 15.0, 15.0)
    assert both.peak == 15.0 + PEAK_SIGMAS * sqrt(15.0 / 60)
    assert both.n == 5 * 900


@pytest.mark.parametrize("behind", [1, 20, 30, 31, 59])
def test_placements_whose_windows_end_at_different_moments_are_added_all_the_same(behind: int) -> None:
    first, second = [window(i, good=600) for i in range(20)], [window(i, good=300) for i in range(20)]
    for newest in (first, [*first, window(20, good=600)]):
        both = load([newest, later(second, -behind if newest is first else 60 - behind)], [], RISK)
        assert both is not None
        assert both.now == both.busiest == 15.0, "no part of the load is missed or counted twice"


def test_an_emptied_placement_asks_for_nothing_any_more() -> None:
    alone = load([[window(i, good=600) for i in range(50, 60)]], [[window(i, good=6000) for i in range(5)]], RISK)
    assert alone is not None
    assert alone.busiest == 10.0


def test_a_load_that_changes_its_place_is_the_same_load() -> None:
    """The minutes in which one placement leaves and the other joins are told in part."""
    before, after = [window(i, good=1200) for i in range(30)], [window(i, good=1200) for i in range(31, 40)]
    moved = load([after], [before], RISK)
    stayed = load([[window(i, good=1200) for i in range(40)]], [], RISK)
    assert moved is not None and stayed is not None
    assert moved.soon == pytest.approx(stayed.soon, rel=0.05)
    began = load([[*(window(i, good=200) for i in range(31, 32)), *(window(i, good=600) for i in range(32, 36))]], [before[:0]], RISK)
    assert began is not None and began.soon > 10.0, "a beginning is not known as well"


def test_a_placement_that_joins_is_no_growth() -> None:
    there = [*(window(i, good=1200) for i in range(30)), window(30, good=900), *(window(i, good=600) for i in range(31, 36))]
    joined = load([there, [window(i, good=600) for i in range(31, 36)]], [], RISK)
    assert joined is not None
    assert joined.now == 20.0
    assert joined.soon == pytest.approx(20.0 * 1.1, rel=0.08)


def test_more_is_kept_where_replicas_start_slowly_and_where_the_load_wanders() -> None:
    steady = [[window(i, good=1200) for i in range(60)]]
    wandering = [[window(i, good=1200 + 300 * ((i // 6) % 2)) for i in range(60)]]
    quick, slow = (load(wandering, [], RISK, start) for start in (START, 6 * START))
    calm = load(steady, [], RISK)
    assert quick is not None and slow is not None and calm is not None
    assert slow.soon > quick.soon > calm.soon > 20.0


def test_a_burst_is_met_at_once() -> None:
    burst = load([[*(window(i, good=1200) for i in range(60)), window(60, good=12_000)]], [], RISK)
    chance = load([[*(window(i, good=1200) for i in range(60)), window(60, good=1300)]], [], RISK)
    assert burst is not None and chance is not None
    assert burst.soon > 200.0
    assert chance.soon < 25.0


def test_what_was_needed_lately_is_held_until_a_replica_could_have_come_and_gone() -> None:
    peak = [*(window(i, good=1200) for i in range(30)), *(window(i, good=2400) for i in range(30, 40))]
    fallen = load([[*peak, *(window(i, good=1200) for i in range(40, 44))]], [], RISK)
    over = load([[*peak, *(window(i, good=1200) for i in range(40, 64))]], [], RISK)
    assert fallen is not None and over is not None
    assert fallen.held > 35.0 > fallen.soon
    assert over.held < 30.0


def test_the_most_that_was_needed_is_told_as_far_as_the_load_is_known() -> None:
    peak, calm = [window(i, good=2400) for i in range(40)], [window(i, good=1200) for i in range(40, 60)]
    found = load([[*peak, *calm]], [], RISK)
    assert found is not None
    lately, before = found.most_within(600.0), found.most_within(1500.0)
    assert lately is not None and before is not None
    assert found.soon <= lately < 30.0 < before
    assert found.most_within(3600.0) is not None
    assert found.most_within(3660.0) is None
    joined = load([[*peak, *calm], [window(i, good=60) for i in range(50, 60)]], [], RISK)
    assert joined is not None
    assert joined.most_within(480.0) is not None
    assert joined.most_within(900.0) is None, "what was asked for while one joined is not known"


def test_usual_loads_lie_around_the_present_need() -> None:
    found = load([[window(i, good=1200) for i in range(60)]], [], RISK)
    assert found is not None
    assert found.usual == tuple(part * found.soon for part in OUTER)


def rising(flat: float, each: float, windows: int) -> list[Window]:
    """Windows of a minute: an hour at a rate, and then so many that each have more requests per second than the one before."""
    rates = [flat] * 50 + [flat + each * n for n in range(1, windows + 1)]
    return [window(i, good=round(60 * rate)) for i, rate in enumerate(rates)]


@pytest.mark.parametrize("start", [60.0, 300.0])
def test_a_rise_is_met_as_it_will_be_when_a_replica_is_ready(start: float) -> None:
    seen = load([rising(40.0, 3.0, 5)], [], RISK, start)
    assert seen is not None
    then = seen.now + 3.0 * (start + 60) / 60
    assert 0.85 * then < seen.soon < 1.35 * then


@pytest.mark.parametrize("each", [0.5, 1.0])
def test_a_slow_rise_that_chance_hides_in_four_windows_is_seen_in_eight(each: float) -> None:
    seen = load([rising(43.0, each, 7)], [], RISK, 300.0)
    assert seen is not None
    assert seen.soon > seen.now + each * 300 / 60


def test_the_same_rise_is_taken_for_chance_where_the_load_is_small() -> None:
    def grown(flat: float, each: float) -> float:
        seen, before = load([rising(flat, each, 4)], [], RISK), load([rising(flat, 0.0, 4)], [], RISK)
        assert seen is not None and before is not None
        return (seen.soon - before.soon) / flat

    assert grown(1.0, 0.03) < 0.15 < grown(400.0, 12.0)


def test_a_load_that_falls_or_wavers_is_no_rise() -> None:
    falling, wavering = [40.0 - 3.0 * n for n in range(8)], [40.0, 41.0] * 4
    for rates in (falling[:4], falling, wavering[:4], wavering, [40.3, 39.8, 40.1, 40.0]):
        windows = [window(i, good=round(60 * rate)) for i, rate in enumerate([40.0] * (54 - len(rates)) + rates)]
        flat = load([[window(i, good=2400) for i in range(54)]], [], RISK)
        seen = load([windows], [], RISK)
        assert seen is not None and flat is not None
        assert seen.soon < 1.08 * flat.soon


def test_a_jump_is_no_rise() -> None:
    """It is met at once, and nobody expects as much again."""
    for after in range(1, 9):
        windows = [window(i, good=2400 if i < 50 else 4800) for i in range(50 + after)]
        seen = load([windows], [], RISK)
        assert seen is not None
        assert seen.soon < 1.6 * 80
