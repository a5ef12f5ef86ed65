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
@given(rate=st.sampled_from([30.0, 200.0]), exceeded=st.sampled_from([0.2, 0.05]), seed=st.integers(0, 99))
def test_a_quantile_is_exceeded_about_as_often_as_it_says(rate: float, exceeded: float, seed: int) -> None:
    seen, over, asked = Forecast(), 0, []
    for requests in counts(rate, 2.25, 6000, seed):
        if len(asked) > 2000:
            over += requests / 10.0 > asked[-12]
        seen = seen.after(requests, 10.0)
        asked.append(seen.quantile(120.0, exceeded, 10.0))
    assert over / 3999 == pytest.approx(exceeded, rel=0.35)


@effort(60)
@given(
    requests=st.lists(st.floats(0, 1e6), min_size=1, max_size=60),
    seconds=st.sampled_from([10.0, 60.0]),
    exceeded=st.floats(0.0005, 0.6),
)
def test_whatever_comes_the_forecast_is_a_number_and_surer_asks_for_no_less(requests: list[float], seconds: float, exceeded: float) -> None:
    seen = Forecast()
    for count in requests:
        seen = seen.after(count, seconds)
    near = seen.quantile(60, exceeded, seconds)
    assert 0 <= near < 1e9
    assert seen.quantile(60, exceeded / 2, seconds) >= near


def test_farther_ahead_asks_for_more_because_the_level_wanders() -> None:
    seen = Forecast()
    for requests in counts(30.0, 1.0, 200, 1):
        seen = seen.after(requests, 10.0)
    asked = [seen.quantile(ahead, 0.05, 10.0) for ahead in (0, 60, 120, 300, 600)]
    assert asked == sorted(asked)
    assert asked[-1] > asked[0]


def test_a_jump_is_followed_within_minutes_and_widens_the_forecast_at_once() -> None:
    seen = Forecast()
    for requests in counts(20.0, 1.0, 1000, 1):
        seen = seen.after(requests, 10.0)
    calm = seen.quantile(120, 0.05, 10.0)
    jumped = seen
    for step, requests in enumerate(counts(60.0, 1.0, 12, 2)):
        jumped = jumped.after(requests, 10.0)
        if step == 0:
            assert jumped.quantile(120, 0.05, 10.0) > 1.2 * calm
    assert jumped.level == pytest.approx(60.0, rel=0.25)


def test_nothing_seen_is_no_load_and_a_window_without_length_is_refused() -> None:
    assert Forecast().quantile(120, 0.1, 10) == 0.0
    with pytest.raises(ValueError, match="length"):
        Forecast().after(3, 0)
