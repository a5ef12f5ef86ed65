"""Models that answer in one piece: latency and capacity from bucket counts, against servers played request by request."""

import random
from dataclasses import replace
from math import inf, isinf

import numpy as np
import pytest

from steelyard.core.facts.capacity import Basis
from steelyard.core.facts.window import Window
from steelyard.core.performance.belief import Belief
from steelyard.core.performance.capacity import measured
from steelyard.core.performance.capacity import occupied as held
from steelyard.core.performance.latency import Curve
from steelyard.core.performance.queueing import QueueLoad, occupied, queue_latency, queue_loads, queue_prior
from steelyard.core.statistics.histogram import Quantile, uncertain_quantile
from steelyard.core.statistics.interval import Interval
from unit.core.queues import KINDS, buckets
from unit.core.windows import window

PERCENT = 95.0


def seen(kind: str, used: float, n: int = 3000, index: int = 0) -> Window:
    """A window of `n` requests at a part of the saturation; busy for that part of it."""
    full, play = KINDS[kind]
    latencies = play(used * full, n + 200, np.random.default_rng(7))[200:]
    seconds = n / (used * full)
    return replace(window(index, good=n, replicas=seconds / 60, busy=used * seconds), buckets=buckets(latencies))


def truth(kind: str, used: float) -> float:
    full, play = KINDS[kind]
    return float(np.quantile(play(used * full, 40_000, np.random.default_rng(8))[2000:], PERCENT / 100))


def curve(*windows: Window) -> Curve:
    saturation = occupied(windows)
    assert saturation is not None
    fitted = queue_latency(queue_loads(windows, PERCENT), queue_prior(saturation))
    assert fitted is not None
    return fitted.curve


@pytest.mark.parametrize("kind", KINDS)
def test_four_loads_predict_the_latency_between_them_and_a_little_beyond(kind: str) -> None:
    fitted = curve(*(seen(kind, used) for used in (0.1, 0.3, 0.5, 0.7)))
    for used in (0.2, 0.4, 0.6, 0.8):
        interval = fitted.at(used * KINDS[kind][0])
        assert interval.point == pytest.approx(truth(kind, used), rel=0.3)
        assert interval.lower <= truth(kind, used) <= interval.upper


@pytest.mark.parametrize("kind", KINDS)
def test_capacity_at_a_limit_is_near_the_load_that_just_keeps_it_and_its_lower_bound_is_below(kind: str) -> None:
    full = KINDS[kind][0]
    capacity = curve(*(seen(kind, used) for used in (0.1, 0.3, 0.5, 0.7))).capacity(truth(kind, 0.8))
    assert capacity.point == pytest.approx(0.8 * full, rel=0.15)
    assert capacity.lower <= 0.8 * full
    assert capacity.lower >= 0.5 * full


def test_a_tight_limit_gives_less_than_the_planned_utilisation_and_a_loose_one_more() -> None:
    windows = [seen("M/M/1", used, index=i) for i, used in enumerate((0.1, 0.3, 0.5, 0.6))]
    planned = measured(windows, 0.05, held(windows, random.Random(1)))
    assert planned is not None
    # The 95 % quantile of M/M/1 is ln 20 service times over what is idle.
    tight, loose = (curve(*windows).capacity(0.02 * np.log(20) / (1 - used)) for used in (0.4, 0.85))
    assert tight.point == pytest.approx(0.4 * 50, rel=0.15)
    assert tight.point < planned.rate.point < loose.point
    assert loose.point < 50


def test_no_load_meets_a_limit_below_the_latency_of_an_idle_server() -> None:
    capacity = curve(*(seen("M/D/1", used) for used in (0.1, 0.5))).capacity(0.015)
    assert capacity.lower == capacity.point == 0.0


def test_one_load_leaves_the_saturation_to_the_busy_time() -> None:
    one, four = curve(seen("M/M/1", 0.4)), curve(*(seen("M/M/1", used) for used in (0.1, 0.3, 0.5, 0.7)))
    limit = truth("M/M/1", 0.8)
    assert one.capacity(limit).lower < four.capacity(limit).lower
    assert one.capacity(limit).upper > four.capacity(limit).upper


def test_loads_of_about_the_same_rate_are_one() -> None:
    loads = queue_loads([seen("M/M/1", used, index=i) for i, used in enumerate((0.3, 0.301, 0.302, 0.6))], PERCENT)
    assert [round(load.rate) for load in loads] == [15, 30]


def test_what_was_shed_is_later_than_any_answer() -> None:
    calm = seen("M/D/1", 0.3)
    shedding = replace(calm, shed=calm.good)
    (load,) = queue_loads([shedding], PERCENT)
    assert load.latency.at_least
    (kept,) = queue_loads([calm], PERCENT)
    assert not kept.latency.at_least
    assert load.rate == pytest.approx(2 * kept.rate)


def test_a_quantile_above_the_last_edge_is_a_lower_bound_and_fits_anything_above() -> None:
    late = uncertain_quantile({0.1: 50, 1.0: 90, inf: 100}, 0.95)
    assert late is not None
    assert late.at_least
    early = uncertain_quantile({0.1: 50, 1.0: 90, inf: 100}, 0.5)
    assert early is not None
    assert (early.seconds, early.at_least) == (0.1, False)
    broken = [QueueLoad(10.0, early), QueueLoad(45.0, late)]
    fitted = queue_latency(broken, queue_prior(Belief.of((50.0,), (1.5,))))
    assert fitted is not None
    assert fitted.curve.at(45.0).point > 0.9


def mm1(used: float, *, at_least: float | None = None) -> QueueLoad:
    """Exactly the 95 % quantile of M/M/1 at 50 requests per second; or only that it is above so many seconds."""
    return QueueLoad(used * 50, Quantile(at_least or 0.02 * np.log(20) / (1 - used), 0.01, at_least is not None))


def test_a_lower_bound_pulls_nothing_down() -> None:
    known = [mm1(used) for used in (0.1, 0.3, 0.5)]
    fits = [queue_latency(loads, queue_prior(Belief.of((50.0,), (1.2,)))) for loads in (known, [*known, mm1(0.8, at_least=0.1)])]
    bounded, free = (found.curve.at(40.0).point for found in fits[::-1] if found is not None)
    assert bounded == pytest.approx(free, rel=1e-3)


def test_a_load_above_what_was_believed_to_be_the_saturation_corrects_it() -> None:
    found = queue_latency([mm1(0.5), mm1(0.9)], queue_prior(Belief.of((40.0,), (1.5,))))
    assert found is not None
    assert found.curve.saturation(found.fit.belief.mean) > 45
    assert found.curve.at(45.0).point == pytest.approx(0.02 * np.log(20) / 0.1, rel=0.25)


def test_loads_that_do_not_fit_a_law_leave_more_uncertain() -> None:
    def width(noise: float) -> float:
        loads = [mm1(used) for used in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)]
        loads = [replace(e, latency=replace(e.latency, seconds=e.latency.seconds * np.exp(noise * (-1) ** i))) for i, e in enumerate(loads)]
        found = queue_latency(loads, queue_prior(Belief.of((50.0,), (1.5,))))
        assert found is not None
        return float(np.trace(found.fit.belief.covariance))

    assert width(0.08) > 1.3 * width(0.0)


def test_a_quantile_is_less_certain_with_fewer_requests_and_wider_buckets() -> None:
    def sigma(n: int, edges: tuple[float, ...]) -> float:
        latencies = np.random.default_rng(1).exponential(0.1, n)
        found = uncertain_quantile({edge: int((latencies <= edge).sum()) for edge in (*edges, inf)}, 0.95)
        assert found is not None
        return found.sigma

    fine, coarse = tuple(np.geomspace(0.01, 2, 40)), (0.01, 0.1, 2.0)
    assert sigma(10_000, fine) < sigma(100, fine)
    assert sigma(10_000, fine) < sigma(10_000, coarse)
    assert uncertain_quantile({}, 0.95) is None
    assert uncertain_quantile(None, 0.95) is None


def test_a_quantile_at_an_edge_is_within_its_bucket() -> None:
    # 0.1 + (0.3 - 0.1) is more than 0.3 in floating point.
    found = uncertain_quantile({0.1: 50, 0.3: 95, inf: 95}, 1.0)
    assert found is not None
    assert not found.at_least
    assert found.seconds == pytest.approx(0.3)


def test_windows_that_tell_nothing_give_no_curve() -> None:
    assert queue_loads([window()], PERCENT) == ()
    assert queue_latency((), queue_prior(Belief.of((1.0,), (2.0,)))) is None
    assert occupied([window(busy=None)]) is None


def test_a_load_beyond_what_anything_carries_is_infinitely_late() -> None:
    fitted = curve(*(seen("M/M/1", used) for used in (0.1, 0.3, 0.5, 0.7)))
    assert isinf(fitted.at(500.0).lower)


def test_capacity_from_a_curve_stands_in_for_the_planned_utilisation_and_is_corrected_by_what_was_seen() -> None:
    calm = [window(i, good=300) for i in range(10)]
    told = measured(calm, 0.01, held(calm, random.Random(1)), Interval(8.0, 6.0, 9.0))
    assert told is not None
    assert told.rate == Interval(8.0, 6.0, 9.0)
    assert told.basis is Basis.MEASURED
    broken = measured([*calm, window(10, good=200, slow=160, busy=36.0)], 0.01, None, Interval(8.0, 6.5, 9.0))
    assert broken is not None
    assert broken.rate.point == pytest.approx(6.0)
    unsure = measured(calm, 0.01, held(calm, random.Random(1)), Interval(8.0, 0.0, 9.0))
    assert unsure == measured(calm, 0.01, held(calm, random.Random(1)))
