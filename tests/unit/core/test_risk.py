"""What the last hour missed is fed back: to the law of lateness, and to the error budget."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from steelyard.core.facts.capacity import Basis, Capacity, Saturation
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Known
from steelyard.core.facts.window import Window
from steelyard.core.performance.capacity import RHO
from steelyard.core.placing.risk import risk
from steelyard.core.planning.reserve import Risk
from steelyard.core.statistics.interval import Interval
from unit.core.world import START, World

HERE = PlacementKey("a", "1")
CAPACITY = 10.0
MINUTE = timedelta(minutes=1)


def told(late: int, *, load: float = 9.0, minutes: int = 60, budget: float = 0.5, busy: bool = True, full: float | None = None) -> Risk:
    """After so many minutes of one replica, `late` of the requests of each were late; 1 % may be. busy: whether the server tells how busy it is. full:
    requests per second that it was seen to complete at most."""
    asked = round(load * 60)
    windows = tuple(
        Window(
            start=START + k * MINUTE,
            end=START + (k + 1) * MINUTE,
            good=asked - late,
            slow=late,
            error=0,
            shed=0,
            replica_seconds=60.0,
            busy_seconds=0.07 * asked if busy else None,
            cost=None,
            steady=True,
        )
        for k in range(minutes)
    )
    capacity = Capacity(Interval(CAPACITY, CAPACITY, CAPACITY), Basis.MEASURED, 10_000)
    workload = replace(World({}).workload, error_budget=budget)
    known = Known(pool=HERE.pool, revision=HERE.revision, capacity=capacity)
    if full is not None:
        known = replace(known, saturation=Saturation(Interval(full, full, full), 1000))
    return risk(workload, {HERE: windows}, {HERE: windows}, {HERE: known})


def test_what_an_hour_left_of_the_budget_may_be_spent_in_the_next() -> None:
    assert told(0).spent == pytest.approx(0.01, rel=0.2), "all of it was left: twice the half"
    assert 0.005 < told(1).spent < told(0).spent
    assert told(5).spent == pytest.approx(0.005), "what was overspent is not saved for"
    assert told(0, budget=1.0).spent == pytest.approx(0.01), "never more than the objective allows"


def test_a_few_requests_leave_nothing_and_say_nothing() -> None:
    short = told(0, load=0.1)
    assert short.spent == pytest.approx(0.005, rel=0.1)
    assert short.lateness.correction == pytest.approx(1.0, abs=0.05)


def test_an_hour_without_misses_says_nothing_of_an_overload() -> None:
    calm = told(0, load=9.9)
    assert calm.lateness.correction == 0.25
    assert calm.lateness.late([2.0])[0] == 1.0, "a replica that can do no more is late with all"


def test_fewer_misses_than_the_law_expects_lower_it_and_more_raise_it_less() -> None:
    fewer, more = told(0), told(8)
    expected = 9.0 * 60 * 60 * float(replace(fewer.lateness, correction=1.0).late([0.9])[0])
    assert fewer.lateness.correction == pytest.approx(50 / (expected + 50), rel=0.01)
    allowed = 0.01 * 9.0 * 60 * 60
    assert more.lateness.correction == pytest.approx((8 * 60 + allowed) / (expected + allowed), rel=0.01)


def test_a_server_that_tells_no_busy_time_is_as_full_as_it_was_found_to_be() -> None:
    batching = told(0, busy=False, full=1.06 * CAPACITY).lateness
    assert batching.busy == pytest.approx(1 / 1.06)
    assert batching.late([1.07])[0] == 1.0, "it has hardly anything to spare"
    assert told(0, busy=False).lateness.busy == RHO, "nothing was found"
    overrated = replace(told(0, busy=False, full=0.9 * CAPACITY).lateness, correction=1.0)
    assert overrated.late([1.0])[0] == pytest.approx(0.01), "at its capacity a replica is late with what is allowed, however full that is"
    assert told(0, full=1.06 * CAPACITY).lateness.busy == told(0).lateness.busy, "what it tells itself goes first"
