"""Servers that follow the law, what they would tell at some loads, and curves fitted to it."""

from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st

from steelyard.core.performance.belief import Reals
from steelyard.core.performance.iteration import PRIOR, Iteration
from steelyard.core.performance.latency import Curve
from steelyard.core.performance.lengths import Lengths
from steelyard.core.performance.token_latency import Slots, TokenLatency, token_latency
from steelyard.core.performance.token_load import TokenLoad, TokenMetric

SOME_LENGTHS = st.builds(Lengths, prompt=st.floats(16, 8192), output=st.floats(4, 2048))
PLENTY = Slots(1e6)
LOADS = st.lists(st.floats(0.02, 0.97), min_size=1, max_size=4)


@dataclass(frozen=True)
class Server:
    """A token server that is exactly as the law says."""

    logs: Reals

    def of(self, lengths: Lengths) -> Iteration:
        return Iteration(self.logs, lengths.prompt, lengths.output)

    def at(self, used: float, lengths: Lengths, requests: int = 10_000) -> TokenLoad:
        """What it tells at a part of its saturation."""
        iteration = self.of(lengths)
        rate = np.asarray(used * float(iteration.saturation()))
        s = iteration.arrivals(rate)
        itl, ttft = (float(f(s, s * lengths.output)) for f in (iteration.itl, iteration.ttft))
        return TokenLoad(rate=float(rate), requests=requests, lengths=lengths, itl=itl, ttft=ttft)


@st.composite
def servers(draw: st.DrawFn) -> Server:
    """Within what the prior holds for possible: two standard deviations."""
    sigma = np.sqrt(np.diag(PRIOR.covariance))
    return Server(PRIOR.mean + sigma * np.array([draw(st.floats(-2, 2)) for _ in sigma]))


@st.composite
def token_latencies(draw: st.DrawFn) -> TokenLatency:
    server, lengths = draw(servers()), draw(SOME_LENGTHS)
    noise = st.floats(0.9, 1.1)
    loads = [server.at(used, lengths) for used in draw(LOADS)]
    loads = [replace(load, itl=load.itl * draw(noise), ttft=(load.ttft or 0.0) * draw(noise)) for load in loads]
    fitted = token_latency(loads)
    assert fitted is not None
    return fitted


@st.composite
def token_curves(draw: st.DrawFn, allowed: tuple[float | None, ...] = (None, 0.01, 0.05)) -> Curve:
    fitted = draw(token_latencies())
    lengths = draw(st.sampled_from(fitted.seen) | SOME_LENGTHS)
    slots = Slots(draw(st.floats(1, 2000)), draw(st.floats(1, 1.5)))
    return fitted.curve(draw(st.sampled_from(list(TokenMetric))), lengths, slots, draw(st.sampled_from(allowed)))


CURVES = token_curves()
MEANS = token_curves((None,))
