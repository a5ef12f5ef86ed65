"""A token server with continuous batching and Poisson arrivals, played iteration by iteration: what the law is held against."""

from math import inf

import numpy as np

from steelyard.core.performance.iteration import Iteration
from steelyard.core.performance.lengths import Lengths
from steelyard.core.performance.token_load import TokenLoad
from steelyard.simulate.iterations import Iterations
from steelyard.simulate.requests import BETWEEN, FIRST

FLOOR, SEQUENCE, CONTEXT, PROMPT, OUTSIDE = 0.010, 1 / 200, 1e-5, 1 / 250, 0.5
PLENTY = 10**9


def law(lengths: Lengths) -> Iteration:
    """The law at the server's own figures."""
    return Iteration(np.log([FLOOR, SEQUENCE, CONTEXT, PROMPT, OUTSIDE, 1.0]), lengths.prompt, lengths.output)


def server(**changes: int) -> Iterations:
    """The simulator's, with those figures and with room for all."""
    room = {"sequences": PLENTY, "memory": PLENTY, "queue": PLENTY, **changes}
    parts = {"sequence": SEQUENCE, "context": CONTEXT, "prompt": PROMPT, "outside": OUTSIDE}
    return Iterations(floor=FLOOR, **{name: FLOOR * part for name, part in parts.items()}, **room)


def played(used: float, lengths: Lengths, requests: int = 1500) -> TokenLoad:
    """What it shows at a part of its saturation."""
    rate = used * float(law(lengths).saturation())
    came = np.cumsum(np.random.default_rng(5).exponential(1 / rate, requests))
    tokens = server().serve(1, [(at, lengths.prompt, lengths.output) for at in came.tolist()], inf).tokens
    return TokenLoad(
        rate=rate,
        requests=requests,
        lengths=lengths,
        itl=float(np.mean(tokens[:, BETWEEN])),
        ttft=float(np.mean(tokens[:, FIRST])),
    )
