"""Requests arrive as the load says, with no more regularity than it asks for."""

import numpy as np
import pytest

from steelyard.simulate.arrivals import Arrivals, Rates, Trace
from steelyard.simulate.load import Load, Noise

CALM = Noise()
TRACE = Trace(np.array([0.0, 100.0, 200.0]), np.array([10.0, 30.0, 10.0]), 300.0)


def load(**raw) -> Load:
    return Load.model_validate(raw)


def counts(shape: Load, seconds: float, noise: Noise = CALM, seed: int = 1, step: float = 15.0, times: float = 1.0) -> np.ndarray:
    arrivals = Arrivals(Rates(shape, {"t.csv": TRACE}), noise, np.random.default_rng(seed))
    edges = np.arange(0.0, seconds, step)
    found = []
    for start in edges:
        moments = arrivals.between(start, start + step, times)
        assert np.all(np.diff(moments) >= 0)
        assert not len(moments) or (moments[0] >= start and moments[-1] < start + step)
        found.append(len(moments))
    return np.array(found)


def test_a_constant_load_is_a_poisson_stream():
    found = counts(load(constant=20), 60_000)
    assert found.mean() == pytest.approx(300, rel=0.01)
    assert found.var() == pytest.approx(found.mean(), rel=0.1)


def test_bursts_widen_the_counts_by_their_own_spread():
    found = counts(load(constant=20), 150_000, Noise(cv=0.5, period=15.0))
    assert found.mean() == pytest.approx(300, rel=0.02)
    assert found.std() / found.mean() == pytest.approx(0.5, rel=0.1)


def test_bursts_are_as_long_as_they_are_said_to_be():
    found = counts(load(constant=30), 100_000, Noise(cv=0.5, period=60.0))
    alike = np.corrcoef(found[:-1], found[1:])[0, 1]
    assert alike == pytest.approx(0.75, abs=0.08)


def test_steps_begin_when_they_are_said_to():
    rates = Rates(load(steps=[{"at": "1h", "rate": 5}, {"at": 7200, "rate": 0}, {"at": "3h", "rate": 9}]), {})
    assert list(rates.at(np.array([0.0, 3599.0, 3600.0, 7199.0, 7200.0, 10_800.0]))) == [0, 0, 5, 5, 0, 9]


def test_a_wave_has_its_peak_where_it_is_said_and_is_never_below_nothing():
    rates = Rates(load(sine={"mean": 10, "amplitude": 15, "period": "1d", "peak": "14h"}), {})
    assert rates.at(np.array([14 * 3600.0])) == 25
    assert rates.at(np.array([2 * 3600.0])) == 0


def test_a_trace_goes_along_lines_and_begins_again():
    rates = Rates(load(trace={"file": "t.csv", "scale": 2}), {"t.csv": TRACE})
    assert list(rates.at(np.array([0.0, 50.0, 100.0, 200.0, 299.0, 350.0]))) == [20, 40, 60, 20, 20, 40]


def test_the_same_seed_gives_the_same_moments_and_another_one_others():
    first, again, other = (counts(load(constant=20), 600, Noise(cv=0.3), seed=seed) for seed in (1, 1, 2))
    assert list(first) == list(again) != list(other)


def test_before_the_load_there_is_nothing_and_nothing_is_drawn():
    arrivals = Arrivals(Rates(load(constant=20), {}), Noise(cv=0.5), np.random.default_rng(1))
    assert len(arrivals.between(-30.0, -15.0)) == 0
    fresh = Arrivals(Rates(load(constant=20), {}), Noise(cv=0.5), np.random.default_rng(1))
    assert np.array_equal(arrivals.between(0.0, 15.0), fresh.between(0.0, 15.0))


def test_a_factor_multiplies_the_rate():
    assert counts(load(constant=20), 15_000, times=3.0).mean() == pytest.approx(900, rel=0.01)
