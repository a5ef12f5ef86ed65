"""How long requests take at the loads that replicas are meant for, with an interval that reaches from edge to edge."""

from collections.abc import Mapping
from math import inf

import pytest

from steelyard.core.facts.snapshot import LatencyObjective
from steelyard.core.facts.window import Window
from steelyard.core.performance.percentile import percentile
from unit.core.windows import window

OBJECTIVE = LatencyObjective(metric="e2e", milliseconds=200, percent=99.0)
CAPACITY = 20.0
"""Requests per second and replica."""
QUICK, SLOW = {0.05: 590, 0.1: 598, 0.2: 600, inf: 600}, {0.05: 0, 0.1: 300, 0.2: 590, inf: 600}


def windows(count: int, buckets: Mapping[float, int] | None, *, good: int = 600) -> list[Window]:
    """Of a minute, by one replica."""
    return [window(n, good=good)._replace(buckets=buckets) for n in range(count)]


def test_the_percentile_lies_between_the_edges_between_which_the_histogram_reaches_it() -> None:
    found = percentile(windows(60, QUICK, good=900), CAPACITY, OBJECTIVE)
    assert found is not None
    assert (found.milliseconds.lower, found.milliseconds.upper) == (50.0, 100.0)
    assert found.milliseconds.lower < found.milliseconds.point < found.milliseconds.upper
    assert (found.percent, found.load, found.n) == (99.0, 15.0, 60 * 600)


def test_loads_below_half_of_the_capacity_and_above_it_say_nothing() -> None:
    idle, over = windows(60, SLOW, good=300), windows(60, SLOW, good=1500)
    assert percentile([*idle, *over], CAPACITY, OBJECTIVE) is None
    usual = windows(60, QUICK)
    assert percentile([*idle, *usual, *over], CAPACITY, OBJECTIVE) == percentile(usual, CAPACITY, OBJECTIVE)


def test_few_answers_tell_no_upper_end_and_so_no_percentile() -> None:
    assert percentile(windows(2, QUICK), CAPACITY, OBJECTIVE) is None
    assert percentile(windows(60, QUICK), CAPACITY, OBJECTIVE) is not None


@pytest.mark.parametrize(
    "buckets", [None, {}, {0.05: 0, 0.1: 10, inf: 600}], ids=["none", "empty", "the percentile is beyond its last edge"]
)
def test_without_a_histogram_that_reaches_so_far_there_is_no_percentile(buckets: Mapping[float, int] | None) -> None:
    assert percentile(windows(60, buckets), CAPACITY, OBJECTIVE) is None


def test_edges_that_changed_on_the_way_cannot_be_added() -> None:
    other = [window(90 + n)._replace(buckets={0.03: 590, 0.3: 600, inf: 600}) for n in range(5)]
    assert percentile([*windows(60, QUICK), *other], CAPACITY, OBJECTIVE) is None


def test_windows_that_differ_by_more_than_late_requests_in_clusters_do_make_the_interval_wider() -> None:
    """Of both 99 % are within 100 ms; of the one, in one window of four 96 % are."""
    even, uneven = (
        [{0.05: 570, 0.1: within, 0.2: max(within, 599), 0.4: 600, inf: 600} for within in pattern] * 9
        for pattern in ((594, 594, 594, 594), (600, 600, 600, 576))
    )
    alike, unlike = (
        percentile([window(n)._replace(buckets=b) for n, b in enumerate(each)], CAPACITY, OBJECTIVE) for each in (even, uneven)
    )
    assert alike is not None and unlike is not None
    assert (alike.milliseconds.upper, unlike.milliseconds.upper) == (200.0, 400.0)
