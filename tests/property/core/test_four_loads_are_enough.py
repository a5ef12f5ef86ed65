"""A server that keeps the law is known from four loads, whatever its figures, and its intervals hold it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from property.core.curves import PLENTY, SOME_LENGTHS, Server, servers
from property.effort import effort
from steelyard.core.performance.lengths import Lengths
from steelyard.core.performance.token_latency import TokenLatency, token_latency
from steelyard.core.performance.token_load import TokenMetric

FOUR = (0.1, 0.35, 0.6, 0.85)


def fitted(server: Server, lengths: Lengths) -> TokenLatency:
    found = token_latency([server.at(used, lengths) for used in FOUR])
    assert found is not None
    return found


@effort(100)
@given(servers(), SOME_LENGTHS, st.floats(0.1, 0.85), st.sampled_from(list(TokenMetric)))
def test_between_the_loads_seen(server: Server, lengths: Lengths, used: float, metric: TokenMetric) -> None:
    told = server.at(used, lengths)
    truth = told.mean(metric)
    assert truth is not None
    interval = fitted(server, lengths).curve(metric, lengths, PLENTY).at(told.rate)
    assert abs(interval.point / truth - 1) < 0.1
    assert interval.lower <= truth <= interval.upper


@effort(100)
@given(servers(), SOME_LENGTHS, st.floats(0.5, 0.95), st.sampled_from(list(TokenMetric)))
def test_capacity_at_a_limit_holds_the_load_that_meets_it(server: Server, lengths: Lengths, used: float, metric: TokenMetric) -> None:
    told = server.at(used, lengths)
    limit = told.mean(metric)
    assert limit is not None
    capacity = fitted(server, lengths).curve(metric, lengths, PLENTY).capacity(limit)
    assert capacity.lower <= told.rate * 1.01
    assert capacity.upper >= told.rate * 0.99


@effort(100)
@given(servers(), SOME_LENGTHS)
def test_the_order_of_loads_does_not_matter(server: Server, lengths: Lengths) -> None:
    loads = [server.at(used, lengths) for used in FOUR]
    one, other = token_latency(loads), token_latency(loads[::-1])
    assert one is not None
    assert other is not None
    assert np.allclose(one.fit.belief.mean, other.fit.belief.mean, atol=1e-4)
