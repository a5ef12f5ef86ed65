"""More load is never faster, Little's law holds at the fixed point, and outside of what was seen less is known."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from property.core.curves import CURVES, MEANS, PLENTY, SOME_LENGTHS, Server, servers, token_latencies
from property.effort import effort
from steelyard.core.performance.latency import Curve
from steelyard.core.performance.lengths import Lengths
from steelyard.core.performance.token_latency import TokenLatency
from steelyard.core.performance.token_load import TokenMetric
from steelyard.core.statistics.interval import Interval

USED = st.floats(1e-4, 0.999)
FALLS = 1e-5


@effort(100)
@given(servers(), SOME_LENGTHS, USED)
def test_arrivals_concurrency_and_token_time_agree(server: Server, lengths: Lengths, used: float) -> None:
    iteration = server.of(lengths)
    rate = used * float(iteration.saturation())
    s = iteration.arrivals(np.asarray(rate))
    itl = float(iteration.itl(s, s * lengths.output))
    assert np.isclose(s, rate * itl, rtol=1e-6), "the arrivals of an iteration are those of its length"
    busy = 1 - float(iteration.floor) / itl
    assert busy <= used * (1 + 1e-9), "no request occupies more than what it does in a full batch"


@effort(100)
@given(servers(), SOME_LENGTHS, st.lists(USED, min_size=2, max_size=6))
def test_a_heavier_load_is_slower(server: Server, lengths: Lengths, loads: list[float]) -> None:
    told = [server.at(used, lengths) for used in sorted(loads)]
    for less, more in pairwise(told):
        assert less.itl <= more.itl * (1 + 1e-9)
        assert (less.ttft or 0) <= (more.ttft or 0) * (1 + 1e-9)


@effort(100)
@given(servers(), SOME_LENGTHS, st.floats(1, 4), st.floats(1, 4))
def test_longer_requests_saturate_earlier(server: Server, lengths: Lengths, prompts: float, outputs: float) -> None:
    longer = Lengths(prompt=lengths.prompt * prompts, output=lengths.output * outputs)
    assert server.of(longer).saturation() <= server.of(lengths).saturation() * (1 + 1e-9)


@effort(100)
@given(MEANS, st.lists(st.floats(0.01, 3), min_size=2, max_size=6))
def test_all_bounds_rise_with_the_load(curve: Curve, parts: list[float]) -> None:
    intervals = [curve.at(part * curve.loads.max()) for part in sorted(parts)]
    for interval in intervals:
        assert interval.lower <= interval.point <= interval.upper
    for less, more in pairwise(intervals):
        assert less.point <= more.point * (1 + 1e-9)


@effort(100)
@given(token_latencies(), SOME_LENGTHS, st.sampled_from(list(TokenMetric)), st.floats(0.05, 0.9))
def test_lengths_that_were_not_seen_are_known_less(fitted: TokenLatency, lengths: Lengths, metric: TokenMetric, used: float) -> None:
    curve = fitted.curve(metric, lengths, PLENTY)
    rate = used * curve.loads.max()
    near = replace(curve, away=0.0)
    assume(curve.away > 0.01)
    assert curve.at(rate).lower <= near.at(rate).lower
    assert curve.at(rate).upper >= near.at(rate).upper


def _near_and_far(curve: Curve, used: float, times: float) -> tuple[Interval, Interval]:
    """At one load, where it was seen itself and where another one was."""
    rate = used * float(curve.saturation(curve.belief.mean[:, None])[0])
    near, far = (replace(curve, loads=np.array([load])).at(rate) for load in (rate, rate * times))
    return near, far


def _likeliest(curve: Curve, used: float) -> float:
    """Seconds at that part of the saturation, by the likeliest figures."""
    mean = curve.belief.mean[:, None]
    return float(curve.law(mean, used * curve.saturation(mean))[0])


@effort(100)
@given(MEANS, st.floats(0.1, 0.9), st.floats(1.1, 10) | st.floats(0.1, 0.9))
def test_the_farther_from_the_loads_seen_the_less_is_known(curve: Curve, used: float, times: float) -> None:
    near, far = _near_and_far(curve, used, times)
    assert far.lower <= near.lower * (1 + 1e-9)
    assert far.upper >= near.upper * (1 - 1e-9)
    assert min(near.point, far.point) >= _likeliest(curve, used) * (1 - 1e-9)


@effort(100)
@given(CURVES, st.floats(0.1, 0.9), st.floats(1.1, 10) | st.floats(0.1, 0.9))
def test_so_it_is_of_percentiles_but_for_what_these_fall_as_a_server_fills(curve: Curve, used: float, times: float) -> None:
    """How many run beside a request varies less in a full server, so that a percentile may fall by a millionth as the load rises."""
    near, far = _near_and_far(curve, used, times)
    assert far.lower <= near.lower * (1 + FALLS)
    assert far.upper >= near.upper * (1 - FALLS)
    assert min(near.point, far.point) >= _likeliest(curve, used) * (1 - FALLS)


@effort(100)
@given(CURVES, st.floats(0.05, 0.95))
def test_nothing_is_known_better_than_the_scatter_around_the_law(curve: Curve, used: float) -> None:
    interval = curve.at(used * float(curve.saturation(curve.belief.mean[:, None])[0]))
    apart = curve.reach * curve.level_sigma
    assert interval.lower <= interval.point / (1 + apart) * (1 + 1e-9)
    assert interval.upper >= interval.point * np.exp(apart) * (1 - 1e-9)
