"""A load that begins in the middle of a window is more than the window's mean, and what it breaks is not broken by that mean."""

from steelyard.core.performance.capacity import at_its_load, left_over
from unit.core.windows import window

CALM = [window(k, good=60) for k in range(3)]
MORE = window(4, good=0, slow=180, shed=900)
BEGUN = window(3, good=13, slow=81, shed=400)
"""Half of it as calm as before, and then as much as in the next one."""


def test_a_window_that_is_followed_by_one_with_more_load_is_no_evidence_of_its_own() -> None:
    still = window(5, good=0, slow=180, shed=890)
    assert at_its_load([*CALM, BEGUN, MORE, still], 0.01) == (*CALM, MORE, still)


def test_the_newest_one_counts_once_it_is_known_that_no_more_came() -> None:
    assert at_its_load([*CALM, BEGUN], 0.01) == tuple(CALM)
    same = window(4, good=10, slow=90, shed=390)
    assert at_its_load([*CALM, BEGUN, same], 0.01) == (*CALM, BEGUN, same)


def test_a_load_that_breaks_the_promise_without_a_rise_counts_at_once() -> None:
    late = window(3, good=40, slow=22)
    assert at_its_load([*CALM, late], 0.01) == (*CALM, late)
    assert at_its_load([late], 0.01) == (late,)


def test_windows_that_kept_the_promise_count_whatever_follows_and_a_gap_tells_nothing() -> None:
    more = window(4, good=120)
    assert at_its_load([*CALM, window(3, good=60), more], 0.01) == (*CALM, window(3, good=60), more)
    after_a_gap = window(6, good=0, slow=180, shed=900)
    assert at_its_load([*CALM, BEGUN, after_a_gap], 0.01)[3:] == (BEGUN, after_a_gap)


def test_as_much_load_for_each_of_more_replicas_is_more_load() -> None:
    """Four a second on one replica, and then as much on each of three: the first window ended with far more than that."""
    begun, grown = window(3, good=170, slow=70, busy=50.0), window(4, good=700, replicas=3)
    assert at_its_load([*CALM, begun, grown], 0.01) == (*CALM, grown)
    shared = window(4, good=200, replicas=3)
    assert at_its_load([*CALM, begun, shared], 0.01) == (*CALM, begun, shared), "three share what one had: that broke the promise"
    one_more = [window(k, good=9000 - 300, slow=300, replicas=12 + k) for k in range(3, 9)]
    assert at_its_load(one_more, 0.01) == tuple(one_more), "the same load on a little more replicas each time"


def test_what_one_full_replica_left_over_is_no_evidence_of_three() -> None:
    full = window(3, good=40, slow=200, busy=60.0)
    late = [window(k, good=500, slow=60, replicas=3, busy=100.0) for k in (4, 5, 6)]
    assert left_over([*CALM, full, *late], 0.01) == {late[0].end, late[1].end}, "after two windows what is late is late by itself"
    idle = full._replace(busy_seconds=6.0)
    after_a_gap = [window(k, good=500, slow=60, replicas=3, busy=100.0) for k in (604, 605)]
    assert left_over([*CALM, full, *after_a_gap], 0.01) == frozenset(), "hours later nothing is left"
    assert left_over([*CALM, idle, *late], 0.01) == frozenset(), "it was late with little to do, and more do not help"
