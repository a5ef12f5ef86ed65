"""Enough replicas for the load: up at once, down when it is sure."""

from datetime import timedelta
from itertools import pairwise

from steelyard.core.facts.snapshot import Scaling
from steelyard.core.planning.load import CREST_SIGMAS, Load, load
from steelyard.core.planning.sizing import need, size
from steelyard.core.statistics.sequential import Result, Test
from unit.core.windows import window
from unit.core.world import Ground, World

CALM = Test(Result.PASS, 0, 1000, 0.01, 0.03)
BROKEN = Test(Result.FAIL, 90, 1000, 0.01, 0.03)


def asked(now: float, crest: float | None = None) -> Load:
    return Load(now, now, 1000, now, now if crest is None else crest)


def test_more_load_adds_replicas_at_once_and_less_waits_for_the_crest() -> None:
    assert size(2, asked(25.0), 10.0, CALM, 1, 9) == 3
    assert size(3, asked(10.0, crest=29.0), 10.0, CALM, 1, 9) == 3
    assert size(3, asked(10.0, crest=17.0), 10.0, CALM, 1, 9) == 2


def test_a_broken_promise_adds_one_whatever_the_capacity_says() -> None:
    assert size(2, asked(1.0), 10.0, BROKEN, 1, 9) == 3
    assert size(2, asked(1.0), None, BROKEN, 1, 9) == 3
    assert size(9, asked(1.0), 10.0, BROKEN, 1, 9) == 9


def test_bounds_hold_and_zero_load_keeps_the_minimum() -> None:
    assert need(0.0, 10.0, 2, 5) == 2
    assert need(1000.0, 10.0, 2, 5) == 5


def test_a_broken_promise_adds_one_replica_a_window_and_not_one_a_look() -> None:
    world = World({"a": Ground(speed=10)}, rate=5, scaling=Scaling(maximum=20))
    world.tick(10)
    from steelyard.core.decide import decide

    world.grounds["a"].late = 0.5
    world.tick()
    for _ in range(5):  # Five looks within one window.
        decision = decide(world.snapshot(), world.now)
        world.memory = decision.memory
        world._obey(decision)
    assert sum(p.desired for p in world.deployments.values()) <= 3


def test_a_replica_added_for_a_broken_promise_is_not_taken_back_before_it_has_shown_anything() -> None:
    nothing_yet = Test(Result.INCONCLUSIVE, 0, 0, 0.01, 0.03)
    assert size(2, asked(5.0), 10.0, nothing_yet, 1, 9) == 2
    idle = Load(0.0, 0.0, 0, 0.0, 0.0)
    assert size(2, idle, 10.0, nothing_yet, 1, 9) == 1, "without requests there is nothing to wait for"


def test_replicas_that_are_slower_than_was_measured_do_not_come_and_go() -> None:
    """A neighbour takes their processors: by its capacity one is enough, and it breaks the promise whenever it is alone."""
    world = World({"a": Ground(speed=10)}, rate=5, scaling=Scaling(maximum=20))
    world.tick(10)
    numbers = []
    for _ in range(40):
        alone = sum(p.desired for p in world.deployments.values()) == 1
        world.grounds["a"].late = 0.5 if alone else 0.0
        world.tick()
        numbers.append(sum(p.desired for p in world.deployments.values()))
    changes = sum(1 for before, after in pairwise(numbers) if before != after)
    assert changes <= 4, numbers


def test_where_a_carried_load_is_all_that_is_known_the_way_down_is_tried_step_by_step() -> None:
    assert size(8, asked(8.0), 1.0, CALM, 1, 9, probing=True) == 7
    assert size(8, asked(8.0), 1.0, CALM, 1, 9) == 8
    assert size(3, asked(3.0), 1.0, CALM, 1, 9, probing=True) == 3, "a step from three to two would add half to each"


def test_a_replica_less_that_is_tried_shows_its_window_before_it_is_added_again() -> None:
    """Else the operator, which its own write wakes, would take one away and add it again all the time."""
    nothing_yet = Test(Result.INCONCLUSIVE, 0, 0, 0.01, 0.03)
    assert size(7, asked(8.0), 1.0, nothing_yet, 1, 9, probing=True) == 7
    assert size(7, asked(8.0), 1.0, CALM, 1, 9, probing=True) == 8, "it has shown its window"
    assert size(7, asked(9.5, crest=9.5), 1.0, nothing_yet, 1, 12, probing=True) == 10, "more than may be tried: added at once"


def test_a_pool_that_lost_nodes_takes_no_replicas_away() -> None:
    world = World({"a": Ground(speed=10)}, rate=30)
    world.tick(20)
    before = {k: p.desired for k, p in world.deployments.items()}
    world.grounds["a"].nodes = 2
    world.tick(20)
    assert {k: p.desired for k, p in world.deployments.items()} == before


def test_an_emptied_placement_asks_for_nothing_any_more() -> None:
    old = [window(i, good=6000) for i in range(5)]
    new = [window(i, good=600) for i in range(50, 60)]
    both = load([new, old])
    assert both is not None
    assert both.busiest == 10.0


def test_windows_that_ended_together_are_added_and_the_crest_is_what_chance_may_show() -> None:
    both = load([[window(i, good=600) for i in range(10)], [window(i, good=300) for i in range(8, 10)]])
    assert both is not None
    assert (both.now, both.busiest, both.mean) == (15.0, 15.0, 12.0)
    assert both.crest == max(15.0, 12.0 + CREST_SIGMAS * (12.0 / 60) ** 0.5)
    assert load([[], []]) is None


def test_a_window_of_no_length_is_no_window() -> None:
    from dataclasses import replace

    empty = replace(window(0), end=window(0).start)
    assert empty.end - empty.start == timedelta(0)
    assert load([[empty]]) is None
