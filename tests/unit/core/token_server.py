"""A token server with continuous batching and Poisson arrivals, played iteration by iteration: what the law is held against."""

from dataclasses import dataclass

import numpy as np

from steelyard.core.performance.iteration import Iteration
from steelyard.core.performance.lengths import Lengths
from steelyard.core.performance.token_load import TokenLoad

FLOOR, SEQUENCE, CONTEXT, PROMPT, OUTSIDE = 0.010, 1 / 200, 1e-5, 1 / 250, 0.5


def law(lengths: Lengths) -> Iteration:
    """The law at the server's own figures."""
    return Iteration(np.log([FLOOR, SEQUENCE, CONTEXT, PROMPT, OUTSIDE, 1.0]), lengths.prompt, lengths.output)


@dataclass
class Sequence:
    came: float
    first: float = 0.0
    tokens: int = 0


def played(used: float, lengths: Lengths, requests: int = 1500) -> TokenLoad:
    """What it shows at a part of its saturation. Prompts join the next iteration; every sequence gets a token from each."""
    rate = used * float(law(lengths).saturation())
    arrivals = list(np.cumsum(np.random.default_rng(5).exponential(1 / rate, requests)))[::-1]
    now, running, waits, spent = 0.0, [], [], 0.0
    while arrivals or running:
        if not running:
            now = max(now, arrivals[-1])
        joining = []
        while arrivals and arrivals[-1] <= now:
            joining.append(Sequence(arrivals.pop()))
        decoding = sum(SEQUENCE + CONTEXT * (lengths.prompt + each.tokens) for each in running)
        now += FLOOR * (np.hypot(1, PROMPT * lengths.prompt * len(joining)) + decoding)
        for each in joining:
            each.first = now
        running += joining
        for each in running:
            each.tokens += 1
            if each.tokens == lengths.output:
                waits.append(each.first - each.came)
                spent += now - each.first
        running = [each for each in running if each.tokens < lengths.output]
    return TokenLoad(
        rate=rate,
        requests=requests,
        lengths=lengths,
        itl=spent / (requests * (lengths.output - 1)),
        ttft=float(np.mean(waits)) + OUTSIDE * FLOOR,
    )
