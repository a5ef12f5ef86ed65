"""How near to its saturation a probed server may be kept: by the law of the wait, and only as far as that says more than the steps do."""

from __future__ import annotations

from itertools import pairwise

import pytest

from steelyard.core.facts.probe import ProbeStep
from steelyard.core.facts.snapshot import LatencyObjective
from steelyard.core.performance.borne import Borne, borne, busy
from steelyard.core.performance.waiting import utilisation
from steelyard.core.performance.when_full import when_full
from steelyard.core.statistics.interval import Interval

PROMISED = (LatencyObjective(metric="e2e", milliseconds=1000, percent=99),)


def full(rate: float = 40.0, *, counts: tuple[int, ...] = (10,) * 20, p50: float = 30.0) -> tuple[ProbeStep, ProbeStep]:
    """A step at a tenth of that, and one that fills the server, of ten seconds each."""
    calm = ProbeStep(rate=rate / 10, seconds=10, good=round(rate), slow=0, error=0, shed=0, p50_milliseconds=p50, p99_milliseconds=2 * p50)
    done = sum(counts)
    return calm, ProbeStep(rate=rate, seconds=10, good=0, slow=round(rate * 10), error=0, shed=0, finished=counts) if done else calm


@pytest.mark.parametrize("limit", [3.0, 5.0, 10.0, 20.0])
@pytest.mark.parametrize("late", [0.001, 0.01, 0.1])
def test_of_one_request_at_a_time_it_is_the_utilisation_of_the_exact_law(limit: float, late: float) -> None:
    assert busy(late, limit - 1, 1.0) == pytest.approx(utilisation(late, limit), abs=0.015)


def test_more_wait_more_lateness_and_more_slots_allow_more() -> None:
    for series in (
        [busy(0.01, wait, 1.0) for wait in (1, 4, 16, 64, 1000)],
        [busy(late, 10, 1.0) for late in (1e-4, 1e-3, 1e-2, 0.1)],
        [busy(0.01, 10, slots) for slots in (1.0, 2.0, 8.0, 64.0)],
    ):
        assert all(0 < less < more < 1 for less, more in pairwise(series))


def test_a_full_server_tells_its_rate_and_how_even_it_is() -> None:
    even, uneven = when_full(full()), when_full(full(counts=(10,) * 4 + (5, 15, 14, 6, 5, 15, 4, 16) * 2))
    assert even is not None and uneven is not None
    assert (even.rate.point, even.uneven) == (20.0, 0.0)
    assert uneven.rate.point == pytest.approx(20.0)
    assert even.rate.lower > uneven.rate.lower
    assert even.rate.upper < uneven.rate.upper


def test_parts_in_which_it_still_fills_do_not_count() -> None:
    found = when_full(full(counts=(0, 0, 2, 5) + (10,) * 16))
    assert found is not None
    assert found.rate.point == 20.0


def test_a_step_that_was_sent_less_than_another_completed_was_not_full_however_late_its_answers_came() -> None:
    """28 requests of 8 s each in a step of 41 s: a fifth of the answers comes after its end."""
    calm, loud = full()
    slow = ProbeStep(
        rate=2.8, seconds=10, good=28, slow=0, error=0, shed=0, finished=(0, 0, 0, 0, 1, 1, 1, 1, 2, 3, 0, 2, 1, 2, 1, 1, 1, 1, 0, 4)
    )
    assert when_full((calm, slow, loud)) == when_full((calm, loud))


def test_where_requests_take_long_more_parts_are_left_out() -> None:
    """The slowest take 4 s of a step of ten: eight of its twenty parts."""
    found = when_full(full(counts=(0,) * 8 + (10,) * 12, p50=2000.0))
    assert found is not None
    assert found.rate.point == 20.0


def test_what_tells_no_parts_or_no_objective_bounds_nothing() -> None:
    calm, loud = full()
    assert borne((calm,), PROMISED) == []
    assert borne((calm, loud), ()) == []


def test_a_promise_without_a_wait_is_bound_by_the_saturation_alone() -> None:
    (found,) = borne(full(), (LatencyObjective(metric="itl", milliseconds=50, percent=99),))
    assert (found.rate.point, found.alone) == (20.0, False)


def test_a_promise_that_breaks_far_below_saturation_is_left_to_the_steps() -> None:
    assert borne(full(p50=900.0), PROMISED) == []


@pytest.mark.parametrize(("p50", "alone"), [(50.0, True), (500.0, False)])
def test_it_is_an_estimate_only_where_one_request_is_served_at_a_time(p50: float, alone: bool) -> None:
    (found,) = borne(full(p50=p50), PROMISED)
    assert found.alone is alone
    assert found.rate.lower < found.rate.point < found.rate.upper <= 20.0 * 1.02


def test_steps_that_show_more_are_not_believed_and_those_that_show_less_are() -> None:
    bound = Borne(Interval(10.0, 9.0, 11.0), alone=False)
    assert bound.beside(Interval(14.0, 12.0, 16.0)) == bound.rate
    assert bound.beside(Interval(8.0, 7.0, 12.0)) == Interval(8.0, 7.0, 11.0)
    both = Borne(bound.rate, alone=True).beside(Interval(8.0, 4.0, 16.0))
    assert 9.0 < both.point < 10.0, "what is sure weighs more"
