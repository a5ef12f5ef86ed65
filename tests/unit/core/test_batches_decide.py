"""Which law a server's figures follow is what its windows tell: one request at a time, batches, or neither."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from math import log
from statistics import fmean

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
from steelyard.core.rebalancing.cost_test import Laws, cost_ratio, log_ratios
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


def test_on_processors_loads_that_differ_leave_no_more_open_than_the_runs_do() -> None:
    """A request takes 24 ms of a minute with 40/s, and 9 ms of one with 120/s: the mean of both is unsure, and what either takes in full runs is not."""
    windows = [
        later(w, minutes) for minutes, rate in enumerate((5.0, 120.0, 20.0, 80.0, 40.0)) for w in ENGINE.windows(rate, 1, 0.5, seed=minutes)
    ]
    on_processors, by_engine = figures([w._replace(by_engine=False) for w in windows]), figures(windows)
    assert on_processors.capacity is not None and by_engine.capacity is not None
    assert on_processors.capacity.rate.lower == pytest.approx(by_engine.capacity.rate.lower, rel=0.05)


def later(window: Window, minutes: int) -> Window:
    return window._replace(start=window.start + timedelta(minutes=minutes), end=window.end + timedelta(minutes=minutes))


def test_a_queue_of_a_load_that_came_at_once_is_no_time_beside_the_engine() -> None:
    """Twice what it completes, in the second of two minutes: of a mean that is half of the saturation nobody would have waited for long."""
    (full,) = ENGINE.windows(2 * ENGINE.saturation, 1, 0.5, seed=1)
    known = figures([full._replace(start=full.start - timedelta(minutes=1), replica_seconds=120.0)])
    assert known.capacity is not None
    assert known.capacity.rate.point > 0.45 * ENGINE.saturation


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


def test_requests_in_small_and_in_large_batches_are_compared_by_what_they_take_in_full_ones() -> None:
    """A server that is twice as fast, with a tenth of the load: by its busy time a request takes more of it."""
    theirs = [w._replace(by_engine=False) for w in BatchEngine(0.025, 0.0025, POWERS).windows(10.0, 8, 0.5, seed=1)]
    ours = [w._replace(by_engine=False) for w in ENGINE.windows(100.0, 8, 0.5, seed=2)]
    laws = Laws(batch_law(theirs), batch_law(ours))
    alike, plain = log_ratios(theirs, ours, laws=laws), log_ratios(theirs, ours)
    assert fmean(alike) == pytest.approx(log(0.5), abs=0.05)
    assert fmean(plain) > log(1.2)
    known, guessed = cost_ratio(alike, 1.0, laws), cost_ratio(alike, 1.0)
    assert known is not None and guessed is not None
    assert known.lower < guessed.lower <= guessed.upper < known.upper, "how long a full run takes is not known for certain"


@pytest.mark.parametrize("seed", range(6))
def test_a_source_of_whose_full_runs_little_is_known_makes_no_target_surely_cheaper(seed: int) -> None:
    """The same server at next to no load and at a heavy one."""
    engine = BatchEngine(0.02, 0.0005, POWERS)
    idle, busy = ([w._replace(by_engine=False) for w in engine.windows(rate, 8, 0.5, seed=seed + int(rate))] for rate in (2.0, 100.0))
    found = [
        cost_ratio(log_ratios(*both, laws=Laws(*map(batch_law, both))), 1.0, Laws(*map(batch_law, both)))
        for both in ((busy, idle), (idle, busy))
    ]
    assert all(ratio is not None and ratio.lower < 1 < ratio.upper for ratio in found)


def test_a_window_of_other_runs_or_of_none_says_nothing_of_full_ones() -> None:
    windows = [w._replace(by_engine=False) for w in ENGINE.windows(40.0, 8, 0.5, seed=1)]
    law = batch_law(windows)
    assert law is not None and windows[0].batches is not None
    for told in (None, windows[0].batches._replace(workers=2), windows[0].batches._replace(seconds=(0.0,) * len(POWERS))):
        assert law.occupied(windows[0]._replace(batches=told)) is None


def test_a_counter_of_busy_time_that_stands_still_tells_no_capacity() -> None:
    windows = [w._replace(by_engine=False, busy_seconds=0.0) for w in ENGINE.windows(40.0, 8, 0.5, seed=1)]
    assert figures(windows).capacity == figures([w._replace(by_engine=True) for w in windows]).capacity
    stale = [windows[0], *(w._replace(by_engine=False) for w in ENGINE.windows(40.0, 3, 0.5, seed=2))]
    assert figures(stale).capacity is not None


def test_errors_say_nothing_of_the_time_beside_the_engine_and_what_is_always_late_does() -> None:
    far = replace(ENGINE, elsewhere=0.3)
    windows = far.windows(40.0, 8, 0.5, seed=1)
    kept, failing = figures(windows).capacity, figures([w._replace(error=round(0.015 * w.good)) for w in windows]).capacity
    assert kept is not None and failing is not None
    assert failing.rate.point == pytest.approx(kept.rate.point, rel=0.05)
    late = far.windows(120.0, 8, 0.5, seed=1)
    always = figures(late).capacity
    assert all(w.slow > 0.05 * w.good for w in late) and always is not None
    assert always.rate.point < 100.0


def test_a_run_that_took_longer_than_by_the_law_counts_as_much_more() -> None:
    windows = [w._replace(by_engine=False) for w in ENGINE.windows(40.0, 8, 0.5, seed=1)]
    law = batch_law(windows)
    assert law is not None and windows[0].batches is not None and windows[0].busy_seconds is not None
    slow = windows[0]._replace(
        busy_seconds=1.2 * windows[0].busy_seconds,
        batches=windows[0].batches._replace(seconds=tuple(1.2 * each for each in windows[0].batches.seconds)),
    )
    usual, longer = law.occupied(windows[0]), law.occupied(slow)
    assert usual is not None and longer is not None
    assert longer == pytest.approx(1.2 * usual)
    beside = law.occupied(windows[0]._replace(busy_seconds=windows[0].busy_seconds + 6.0))
    assert beside == pytest.approx(usual + 6.0), "what is done beside the runs is the same at any size of them"
    assert law.occupied(windows[0]._replace(busy_seconds=None)) is None


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
