"""Which law a server's figures follow is what its windows tell: one request at a time, batches, or neither."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

import pytest

from steelyard.core.facts.batches import Batches
from steelyard.core.facts.capacity import Basis
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Known
from steelyard.core.facts.snapshot import Promise
from steelyard.core.facts.window import Window
from steelyard.core.performance.batching import batch_law
from steelyard.core.performance.capacity import RHO, busy_at_capacity, full, measured, saturated
from steelyard.core.performance.evidence import Shown, evidence
from steelyard.core.rebalancing.cost_test import log_ratios
from steelyard.core.replay.codec import plain, rebuilt
from steelyard.core.statistics.interval import Interval
from unit.core.batch_engine import BatchEngine
from unit.core.windows import window

POWERS = (1, 2, 4, 8, 16, 32)
ENGINE = BatchEngine(0.05, 0.005, POWERS)
"""Saturated at 32 / 0.21 s = 152/s."""
PROMISE = Promise(allowed=0.01, within=0.5)


def figures(windows: Sequence[Window], promise: Promise = PROMISE) -> Known:
    known = evidence(PlacementKey("gpu", "r1"), Shown(windows=windows, ran=windows, steady=True), promise, random.Random(1))
    assert known is not None
    return known


def test_a_batching_device_at_a_light_load_is_known_to_carry_many_times_as_much() -> None:
    """At 5/s it is busy a quarter of the time, and one over the busy time of a request is 18/s."""
    known = figures(ENGINE.windows(5.0, 8, 0.5, seed=1))
    assert known.capacity is not None and known.saturation is not None
    assert known.capacity.basis is Basis.MEASURED
    assert known.capacity.rate.lower > 3 * 18
    assert ENGINE.serve(known.capacity.rate.lower, 1000, 2).late(0.5) <= 0.01
    assert known.saturation.rate.lower < ENGINE.saturation < known.saturation.rate.upper


def test_a_promise_without_a_limit_plans_a_part_of_the_saturation() -> None:
    known = figures(ENGINE.windows(40.0, 8, 0.5, seed=1), Promise(allowed=0.01, within=None))
    assert known.capacity is not None and known.saturation is not None
    assert known.capacity.rate.point == pytest.approx(RHO * known.saturation.rate.point, rel=0.01)
    assert known.capacity.basis is Basis.PLANNED


@pytest.mark.parametrize(("seconds", "basis"), [(1 / 1000, Basis.MEASURED), (1 / 10, Basis.PLANNED)])
def test_a_capacity_is_planned_where_what_was_planned_binds_it_and_not_where_the_law_of_batches_does(seconds: float, basis: Basis) -> None:
    """A request takes so much of the processors; how long answers take is not told."""
    windows = [w._replace(buckets=None) for w in ENGINE.windows(40.0, 8, 0.5, seed=1)]
    found = measured(windows, 0.01, Interval(seconds, seconds, seconds), within=0.5, law=batch_law(windows))
    assert found is not None
    assert found.basis is basis


def test_busy_time_of_a_device_without_its_batches_gives_no_upper_end() -> None:
    known = figures([w._replace(batches=None) for w in ENGINE.windows(40.0, 8, 0.5, seed=1)])
    assert known.capacity is not None
    assert known.capacity.at_least
    assert known.capacity.rate.point == pytest.approx(40.0, rel=0.15), "what was carried, and nothing above it"
    assert known.saturation is None


def test_one_request_at_a_time_is_the_law_of_busy_time_whoever_tells_it() -> None:
    windows = BatchEngine(0.1, 0.0, (1,)).windows(4.0, 8, 0.5, seed=1)
    told = figures(windows)
    assert told == figures([w._replace(batches=None, by_engine=False) for w in windows])
    assert told.saturation is not None
    assert told.saturation.rate.point == pytest.approx(10.0, rel=0.01)


def test_on_processors_both_the_engine_and_the_processors_bind() -> None:
    """The engine's runs say 152/s, or 6.6 ms a request. One that takes 20 ms of all processors beside its runs allows 38/s, one of 1 ms does not bind."""
    windows = ENGINE.windows(20.0, 8, 0.5, seed=1)
    by_engine, engine = figures(windows), [sum(w.batches.seconds) if w.batches else 0.0 for w in windows]
    slow = figures(
        [w._replace(by_engine=False, busy_seconds=ran + 0.020 * (w.good + w.slow)) for w, ran in zip(windows, engine, strict=True)]
    )
    quick = figures([w._replace(by_engine=False, busy_seconds=0.001 * (w.good + w.slow)) for w in windows])
    assert slow.saturation is not None and slow.saturation.rate.point == pytest.approx(1 / (0.020 + 1 / 152), rel=0.03)
    assert slow.capacity is not None and slow.capacity.rate.point < 38.0
    assert (quick.capacity, quick.saturation) == (by_engine.capacity, by_engine.saturation)


def test_processors_that_are_busy_with_small_runs_can_do_many_times_as_much_in_large_ones() -> None:
    """Sized by what a request takes of them at a light load, a workload would have a light load for ever: one over that is 18/s. Of the gain no more
    counts than runs have surely shown."""
    windows = ENGINE.windows(5.0, 8, 0.5, seed=1)
    on_processors, by_engine = figures([w._replace(by_engine=False) for w in windows]), figures(windows)
    assert on_processors.saturation is not None and by_engine.saturation is not None
    assert on_processors.saturation.rate.point == pytest.approx(by_engine.saturation.rate.lower, rel=0.05)
    assert on_processors.capacity is not None
    assert on_processors.capacity.rate.point > 3 * 18


def test_processors_whose_runs_were_all_of_one_row_are_not_said_to_gain_by_more() -> None:
    one_row = [
        w._replace(
            by_engine=False,
            busy_seconds=0.05 * w.good,
            batches=Batches(workers=1, sizes=(1, 8), inputs=w.good, runs=(w.good, 0), rows=(w.good, 0), seconds=(0.05 * w.good, 0.0)),
        )
        for w in ENGINE.windows(5.0, 8, 0.5, seed=1)
    ]
    known = figures(one_row)
    assert known.saturation is not None
    assert known.saturation.rate.point == pytest.approx(20.0, rel=0.05)


def busy(inputs: int, runs: int, **more: object) -> Window:
    """A minute in which an engine never stopped, for so many inputs in runs of at most eight."""
    ran = Batches(workers=1, sizes=(1, 8), inputs=inputs, runs=(0, runs), rows=(0, inputs), seconds=(0.0, 60.0))
    return window(good=inputs, busy=60.0)._replace(batches=ran, by_engine=True, **more)  # type: ignore[arg-type]


def test_an_engine_that_never_stops_can_do_no_more_only_where_its_batches_are_full() -> None:
    assert not full(busy(inputs=300, runs=100))
    assert saturated([busy(inputs=300, runs=100)]) is None
    assert full(busy(inputs=790, runs=100))
    assert not full(busy(inputs=790, runs=100)._replace(batches=None)), "it may be as busy with a third of that"
    assert full(busy(inputs=300, runs=100)._replace(by_engine=False)), "processors that never stop can do no more"


def test_the_time_of_a_request_in_small_batches_is_not_compared_with_another_pools() -> None:
    ours = [window(0, good=600, busy=30.0)]
    assert log_ratios([busy(inputs=300, runs=100)], ours) == ()
    assert len(log_ratios([busy(inputs=300, runs=100)._replace(by_engine=False)], ours)) == 1


def test_the_part_of_the_saturation_that_is_planned_follows_from_the_batches() -> None:
    windows = ENGINE.windows(40.0, 8, 0.5, seed=1)
    assert busy_at_capacity(windows, PROMISE) > busy_at_capacity(windows, Promise(allowed=0.01, within=0.3)) > 0.2
    assert busy_at_capacity(windows, Promise(allowed=0.01, within=None)) is None


def test_a_record_of_a_decision_holds_the_batches_and_one_without_them_is_read() -> None:
    told = ENGINE.windows(5.0, 1, 0.5, seed=1)[0]
    raw = json.loads(json.dumps(plain(told)))
    assert rebuilt(Window, raw, "window").batches == told.batches
    del raw["batches"], raw["by_engine"]
    assert rebuilt(Window, raw, "window").batches is None
