"""What is computed of a server that batches is what such a server does, request by request; and its intervals hold the truth about as often as they say."""

from __future__ import annotations

import random
from dataclasses import replace
from math import inf, log
from statistics import fmean, median

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from property.effort import THOROUGH, effort
from steelyard.core.facts.batches import Batches
from steelyard.core.facts.window import Window
from steelyard.core.performance import waiting
from steelyard.core.performance.batching import batch_law, explained
from steelyard.core.performance.bulk_queue import JUMP, MOST, Queue, Server, highest, times_of, utilisation
from unit.core.batch_engine import BatchEngine
from unit.core.windows import window

POWERS = (1, 2, 4, 8, 16, 32)
COVERED = 400 if THOROUGH else 30
"""Servers of the study of coverage."""


@pytest.mark.parametrize("late", [0.01, 0.05])
@pytest.mark.parametrize("limit", [1.5, 2.0, 3.0, 5.0, 10.0])
def test_one_at_a_time_is_the_queue_of_waiting(limit: float, late: float) -> None:
    assert highest(Server((1,)), 1.0, limit, late) == pytest.approx(waiting.utilisation(late, limit), abs=0.003)


@pytest.mark.parametrize(
    ("sizes", "padded", "fixed", "used", "limit"),
    [
        (POWERS, False, 0.24, 0.3, 0.7),
        (POWERS, False, 0.8, 0.4, 1.5),
        (POWERS, False, 0.05, 0.85, 1.1),
        ((1, 2, 4, 8), False, 0.5, 0.7, 1.6),
        ((1, 2), False, 0.6, 0.5, 1.6),
        ((1, 8), True, 0.3, 0.5, 1.2),
        ((1, 4, 16), True, 0.4, 0.6, 1.7),
        ((1, 2, 4, 8, 16, 32, 64, 128, 256), False, 0.6, 0.6, 1.4),
    ],
)
def test_as_many_are_late_as_in_a_server_that_is_played(
    sizes: tuple[int, ...], padded: bool, fixed: float, used: float, limit: float
) -> None:
    engine = BatchEngine(fixed, (1 - fixed) / sizes[-1], sizes, padded)
    found = Queue(times_of(Server(sizes, padded), fixed), used).late(limit)
    seen = engine.serve(used * engine.saturation, 100_000 / engine.saturation, seed=1).late(limit)
    assert found == pytest.approx(seen, rel=0.08, abs=0.003)


parts, limits, servers = (
    st.floats(0, 1),
    st.floats(0.2, 5),
    st.sampled_from([Server((1, 2, 4, 8)), Server((1, 16), padded=True), Server((1,))]),
)


@effort(25)
@given(servers, parts, limits, st.sampled_from([0.01, 0.05]))
def test_the_grid_is_within_a_few_percent_of_the_exact_figure(server: Server, fixed: float, limit: float, late: float) -> None:
    around = [highest(server, near, each, late) for each in (limit / 1.04, limit * 1.04) for near in (fixed, max(0.0, fixed - 1 / 64))]
    assume(max(around) < JUMP * min(around))
    assert 0.97 * min(around) <= utilisation(server, fixed, limit, late) <= 1.03 * max(around)


def test_a_promise_that_allows_no_late_request_has_a_figure_too() -> None:
    assert 0 < utilisation(Server((1, 8)), 0.5, 3.0, 0.0) < utilisation(Server((1, 8)), 0.5, 3.0, 0.01)


@effort(25)
@given(servers, parts, limits, st.floats(1, 3))
def test_a_longer_limit_is_never_a_lower_load(server: Server, fixed: float, limit: float, longer: float) -> None:
    assert utilisation(server, fixed, limit, 0.01) <= 1.01 * utilisation(server, fixed, limit * longer, 0.01)


def drawn(seed: int) -> tuple[BatchEngine, float, float, float]:
    """(server, limit in seconds, part that may be late, load in parts of its capacity)."""
    chance = random.Random(seed)
    largest, padded = chance.choice([8, 16, 32, 64]), chance.random() < 0.3
    compiled = {8: (1, 8), 16: (1, 4, 16), 32: (1, 8, 32), 64: (1, 64)}[largest]
    full, fixed = 10 ** chance.uniform(-1.3, 0.3), chance.uniform(0.05, 0.95)
    sizes = compiled if padded else tuple(2**power for power in range(largest.bit_length()))
    engine = BatchEngine(fixed * full, (1 - fixed) * full / largest, sizes, padded, chance.choice([0.0, 0.05, 0.1]))
    return engine, full * chance.uniform(1.1, 4.0), chance.choice([0.01, 0.05]), chance.uniform(0.1, 1.0)


def test_intervals_of_capacity_hold_the_truth_about_as_often_as_they_say() -> None:
    """At held-out loads: windows at a part of the capacity, and played at both ends of the interval that they give. At length, and with -s, it
    prints the figures that docs/explanation/capacity.md tells."""
    covered: dict[float, list[bool]] = {}
    widths = []
    for seed in range(COVERED):
        engine, within, allowed, part = drawn(seed)
        server, fixed = Server(engine.sizes, engine.padded), engine.fixed / engine.full
        truth = highest(server, fixed, within / engine.full, allowed) * engine.saturation
        if truth * (engine.fixed + engine.each) < 0.055:
            continue  # The promise is kept at next to no load.
        windows = engine.windows(min(part * truth, 1500.0), 8, within, seed)
        law = batch_law(windows)
        assert law is not None
        law = explained(law, windows, allowed)
        found = law.capacity(within, allowed)
        assert abs(law.busy_at_capacity(within, allowed) * law.saturation.point / found.point - 1) < 1e-9
        late = [engine.serve(load, 60_000 / load, seed + 1).late(within) for load in (found.lower, min(found.upper, engine.saturation))]
        holds = late[0] <= 1.1 * allowed and (late[1] >= 0.9 * allowed or found.upper >= engine.saturation)
        covered.setdefault(engine.scatter, []).append(holds)
        widths.append(log(found.upper / found.lower) / 2)
    every, width = [holds for each in covered.values() for holds in each], median(widths)
    by_scatter = ", ".join(f"{fmean(covered[scatter]):.1%} where runs differ by {scatter:.0%}" for scatter in sorted(covered))
    print(f"\n{len(every)} servers: {fmean(every):.1%} held, half a width of {width:.1%}; {by_scatter}")
    assert fmean(every) >= 0.88
    assert width < 0.12, "and they are no wider than they need to be"


def test_the_saturation_is_known_from_a_light_load_where_one_over_the_busy_time_repeats_the_load() -> None:
    engine = BatchEngine(0.05, 0.005, POWERS)
    windows = engine.windows(50.0, 8, 0.5, seed=3)
    busy = sum(w.busy_seconds or 0.0 for w in windows) / sum(w.replica_seconds for w in windows)
    assert busy > 0.9, "at a third of what it can do"
    law = batch_law(windows)
    assert law is not None
    assert law.saturation.lower < engine.saturation < law.saturation.upper
    assert law.saturation.upper < 1.3 * law.saturation.lower
    assert explained(law, windows, 0.01).capacity(0.5, 0.01).lower > 2 * 50.0


def test_what_makes_every_minute_late_takes_of_the_limit_and_what_makes_two_late_does_not() -> None:
    """A node that stands still makes late what it answers, whatever its load is; the next minute is as before."""

    def capacity(*windows: Window) -> float:
        law = batch_law(windows)
        assert law is not None
        return explained(law, windows, 0.01).capacity(0.5, 0.01).point

    engine = BatchEngine(0.05, 0.005, POWERS)
    slower = replace(engine, elsewhere=0.3)
    calm, late = engine.windows(50.0, 6, 0.5, seed=3), slower.windows(60.0, 6, 0.5, seed=4)
    assert min(w.good for w in late) > max(w.good for w in calm), "most answers are those of late minutes"
    assert capacity(*calm, *late[:2]) == pytest.approx(capacity(*calm), rel=0.05)
    assert capacity(*late) < 0.8 * capacity(*calm)


@effort(20)
@given(st.floats(0, 1), st.integers(2, 64), st.floats(0.001, 1.0))
def test_where_one_size_alone_was_seen_a_full_run_lies_between_as_long_and_as_many_times_as_long(
    fixed: float, largest: int, seconds: float
) -> None:
    """Whatever part of a run of one does not depend on its size."""
    engine = BatchEngine(fixed * seconds, (1 - fixed) * seconds, (1, largest))
    (seen,) = engine.windows(0.5, 1, 10.0, seed=2)
    assert seen.batches is not None
    alone = seen.batches._replace(inputs=30, runs=(30, 0), rows=(30, 0), seconds=(30 * seconds, 0.0))
    law = batch_law([seen._replace(good=30, slow=0, batches=alone)])
    assert law is not None
    assert law.saturation.lower <= 1 / seconds * 1.001
    assert law.saturation.lower <= engine.saturation <= law.saturation.upper
    assert law.saturation.upper >= 0.99 * largest / seconds


def test_a_larger_run_never_takes_less_whatever_is_told() -> None:
    (seen,) = BatchEngine(0.05, 0.005, (1, 8)).windows(20.0, 1, 1.0, seed=1)
    assert seen.batches is not None
    told = seen.batches._replace(inputs=900, runs=(100, 100), rows=(100, 800), seconds=(10.0, 4.0))
    law = batch_law([seen._replace(batches=told)])
    assert law is not None
    assert law.each.lower == law.each.point == 0.0 <= law.each.upper


def test_a_request_of_four_inputs_counts_once_and_takes_four_places() -> None:
    engine = BatchEngine(0.05, 0.005, POWERS, inputs=4)
    windows = engine.windows(15.0, 8, 0.6, seed=4)
    law = batch_law(windows)
    assert law is not None
    assert law.inputs == pytest.approx(4.0, rel=0.02)
    assert law.saturation.lower < engine.saturation < law.saturation.upper
    found = explained(law, windows, 0.05).capacity(0.6, 0.05)
    assert engine.serve(0.9 * found.lower, 2000, 1).late(0.6) < 0.05 < engine.serve(1.1 * found.upper, 2000, 1).late(0.6)


def test_what_an_answer_takes_beside_the_engine_is_no_time_to_wait() -> None:
    near = BatchEngine(0.05, 0.005, POWERS)
    far = replace(near, elsewhere=0.1)
    capacities = []
    for engine in (near, far):
        windows = engine.windows(40.0, 8, 0.4, seed=5)
        law = batch_law(windows)
        assert law is not None
        capacities.append(explained(law, windows, 0.01).capacity(0.4, 0.01))
    assert capacities[1].upper < capacities[0].point
    assert far.serve(capacities[1].lower, 1000, 1).late(0.4) <= 0.011


def test_several_workers_lie_between_so_many_servers_and_one_that_is_so_much_faster() -> None:
    windows = BatchEngine(0.05, 0.005, POWERS).windows(40.0, 8, 0.4, seed=5)
    law = batch_law(windows)
    assert law is not None
    two = replace(law, workers=2)
    one, both = law.capacity(0.4, 0.01), two.capacity(0.4, 0.01)
    assert two.saturation.point == pytest.approx(2 * law.saturation.point)
    assert 1.9 * one.lower <= both.lower <= both.point <= both.upper <= two.saturation.upper


any_count = st.integers(0, 40) | st.integers(0, 2**53)
any_seconds = st.floats(0, 100) | st.floats(0, 1.7e308)


@st.composite
def any_batches(draw: st.DrawFn) -> Batches:
    sizes = tuple(sorted(draw(st.sets(st.integers(1, 64) | st.integers(1, 4096), min_size=1, max_size=4))))
    columns = [draw(st.lists(kind, min_size=len(sizes), max_size=len(sizes))) for kind in (any_count, any_count, any_seconds)]
    runs, rows, seconds = map(tuple, columns)
    return Batches(workers=draw(st.integers(1, 64)), sizes=sizes, inputs=draw(any_count), runs=runs, rows=rows, seconds=seconds)


@effort(80)
@given(st.lists(any_batches(), min_size=1, max_size=3), st.integers(0, 10**6), st.floats(0.001, 1000))
def test_whatever_is_told_of_batches_is_no_law_or_one_of_finite_figures(told: list[Batches], good: int, within: float) -> None:
    windows = [window(at, good=good)._replace(batches=each, by_engine=True) for at, each in enumerate(told)]
    law = batch_law(windows)
    if law is not None:
        law = explained(law, windows, 0.01)
        for found in (law.saturation, law.capacity(within, 0.01)):
            assert 0 < found.lower <= found.point <= found.upper < inf


def test_a_batch_that_is_padded_beyond_the_most_inputs_takes_the_time_of_all_its_rows() -> None:
    """Compiled for 32, and at most 20 at once."""
    told = Batches(workers=1, sizes=(1, 8, 20), inputs=1900, runs=(100, 100, 50), rows=(100, 800, 1600), seconds=(5.5, 9.0, 10.5))
    law = batch_law([window(good=1900)._replace(batches=told, by_engine=True)])
    assert law is not None
    assert law.full == pytest.approx(0.21, rel=0.03)
    assert law.saturation.point == pytest.approx(20 / 0.21, rel=0.03)


def test_windows_that_tell_nothing_of_batches_or_of_one_at_a_time_have_no_such_law() -> None:
    windows = BatchEngine(0.05, 0.005, (1,)).windows(5.0, 2, 1.0, seed=1)
    assert batch_law(windows) is None
    assert batch_law([w._replace(batches=None) for w in windows]) is None
    assert batch_law([]) is None
    assert MOST < 1
