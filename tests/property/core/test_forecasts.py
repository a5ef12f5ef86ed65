"""The forecast recovers what made the load, and its quantiles are exceeded as often as they say."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.planning.forecast import Forecast


def counts(rate: float, dispersion: float, steps: int, seed: int, seconds: float = 10.0) -> list[float]:
    """Gamma noise of that variance over mean around a constant rate."""
    chance = random.Random(seed)
    return [chance.gammavariate(rate * seconds / dispersion, dispersion) for _ in range(steps)]


@effort(15)
@given(rate=st.sampled_from([5.0, 30.0, 200.0]), dispersion=st.sampled_from([1.0, 2.25, 5.0]), seed=st.integers(0, 99))
def test_noise_and_level_of_a_constant_load_are_recovered(rate: float, dispersion: float, seed: int) -> None:
    seen = Forecast()
    for requests in counts(rate, dispersion, 4000, seed):
        seen = seen.after(requests, 10.0)
    assert seen.level == pytest.approx(rate, rel=0.15)
    assert seen.dispersion == pytest.approx(dispersion, rel=0.25)
    assert seen.drift * 120 < dispersion / (rate * 10), "nothing has wandered: two minutes add little to the noise of a window"


@effort(10)
@given(rate=st.sampled_from([30.0, 200.0]), seed=st.integers(0, 99))
def test_what_comes_in_two_minutes_is_as_far_off_as_it_says(rate: float, seed: int) -> None:
    """The chance of a constant rate is left to the law of queues, and added here."""
    seen, off, told, asked = Forecast(), 0.0, 0.0, []
    for requests in counts(rate, 2.25, 6000, seed):
        if len(asked) > 2000:
            mean, variance = asked[-12]
            off, told = off + (requests / 10.0 - mean) ** 2, told + variance + mean / 10.0
        seen = seen.after(requests, 10.0)
        asked.append(seen.ahead_of(120.0, 10.0))
    assert off / told == pytest.approx(1.0, rel=0.4)


@effort(60)
@given(requests=st.lists(st.floats(0, 1e6), min_size=1, max_size=60), seconds=st.sampled_from([10.0, 60.0]))
def test_whatever_comes_the_forecast_is_a_number(requests: list[float], seconds: float) -> None:
    seen = Forecast()
    for count in requests:
        seen = seen.after(count, seconds)
    mean, variance = seen.ahead_of(60, seconds)
    assert 0 < mean <= max(*requests, 0.1) / seconds * 1.01
    assert 0 <= variance < 1e12


def test_farther_ahead_is_less_sure_because_the_level_wanders_and_never_without_bound() -> None:
    seen = Forecast()
    for requests in counts(30.0, 1.0, 200, 1):
        seen = seen.after(requests, 10.0)
    spreads = [seen.ahead_of(ahead, 10.0)[1] for ahead in (0, 60, 120, 300, 600)]
    assert spreads == sorted(spreads) and spreads[-1] > spreads[0]
    assert seen.ahead_of(1e9, 10.0)[1] < 30.0**2


def test_a_jump_is_followed_within_minutes_and_widens_the_forecast_at_once() -> None:
    seen = Forecast()
    for requests in counts(20.0, 1.0, 1000, 1):
        seen = seen.after(requests, 10.0)
    calm = seen.ahead_of(120, 10.0)
    jumped = seen
    for step, requests in enumerate(counts(60.0, 1.0, 12, 2)):
        jumped = jumped.after(requests, 10.0)
        if step == 0:
            assert jumped.ahead_of(120, 10.0)[1] > 2 * calm[1]
    assert jumped.level == pytest.approx(60.0, rel=0.25)


def test_a_burst_that_is_over_is_not_expected_for_another_hour() -> None:
    seen, spreads = Forecast(), []
    for rate, minutes, seed in ((30.0, 180, 1), (300.0, 10, 2), (30.0, 60, 3)):
        for requests in counts(rate, 1.0, minutes, seed, seconds=60.0):
            seen = seen.after(requests, 60.0)
        spreads.append(seen.ahead_of(120, 60.0)[1] ** 0.5)
    before, meanwhile, after = spreads
    assert meanwhile > 10 * before, "what may come next is hardly known"
    assert after < 3.0, "a tenth of the load; it was a quarter"


def test_traffic_that_stops_for_hours_and_comes_back_asks_for_no_multiple_of_what_came() -> None:
    seen = Forecast()
    for requests in [*counts(30.0, 1.0, 300, 1), *([0.0] * 720), *counts(30.0, 1.0, 6, 2)]:
        seen = seen.after(requests, 10.0)
        mean, variance = seen.ahead_of(120, 10.0)
        assert mean + 2 * variance**0.5 < 90.0


def test_nothing_seen_is_no_load_and_a_window_without_length_is_refused() -> None:
    assert Forecast().ahead_of(120, 10) == (0.0, 0.0)
    with pytest.raises(ValueError, match="length"):
        Forecast().after(3, 0)
