"""What is fitted to a few loads, and says the latency at another one: the law, and what it is compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf

import numpy as np

from steelyard.core.performance.belief import Belief
from steelyard.core.performance.iteration import PRIOR, Iteration
from steelyard.core.performance.token_latency import Slots, TokenLatency, token_latency
from steelyard.core.performance.token_load import TokenLoad, TokenMetric
from steelyard.core.statistics.interval import Interval

SLOTS = Slots(512)
"""Sequences that the server held at most: the client had no more in flight."""
Predictor = Callable[[TokenLoad, TokenMetric], Interval]


def law(loads: Sequence[TokenLoad], prior: Belief = PRIOR) -> Predictor:
    """The law at the rate: of the mean."""
    found = fitted(loads, prior)
    return lambda load, metric: found.curve(metric, load.lengths, SLOTS).at(load.rate)


def fitted(loads: Sequence[TokenLoad], prior: Belief = PRIOR) -> TokenLatency:
    found = token_latency(loads, prior, slots=SLOTS.most)
    assert found is not None
    return found


def interpolation(loads: Sequence[TokenLoad]) -> Predictor:
    """Straight between loads, and on with the last slope."""

    def predict(load: TokenLoad, metric: TokenMetric) -> Interval:
        rates, seconds = [e.rate for e in loads], [e.mean(metric) or 0.0 for e in loads]
        i = min(max(int(np.searchsorted(rates, load.rate)), 1), len(rates) - 1)
        slope = (seconds[i] - seconds[i - 1]) / (rates[i] - rates[i - 1])
        return point(seconds[i] + slope * (load.rate - rates[i]))

    return predict


def pair(loads: Sequence[TokenLoad], *, of_shape: bool = False) -> Predictor:
    """Token time alpha + beta n; n = rate * output * token time (or the batch), so alpha / (1 - beta * rate * output)."""

    def sequences(load: TokenLoad, itl: float) -> float:
        return float(load.batch) or load.rate * load.lengths.output * itl

    def work(load: TokenLoad, itl: float) -> float:
        return sequences(load, itl) if of_shape else load.lengths.prompt * max(1, load.batch)

    alpha, beta = _line([sequences(e, e.itl) for e in loads], [e.itl for e in loads])
    gamma, delta = _line([work(e, e.itl) for e in loads], [e.ttft or 0.0 for e in loads])

    def predict(load: TokenLoad, metric: TokenMetric) -> Interval:
        idle = 1 - beta * load.rate * load.lengths.output
        itl = alpha + beta * load.batch if load.batch else alpha / idle if idle > 0 else inf
        return point(itl if metric is TokenMetric.ITL else gamma + delta * work(load, itl))

    return predict


def _line(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """Least squares of relative errors, not below 0."""
    over = np.array(y)
    intercept, slope = np.linalg.lstsq(np.column_stack((np.ones(len(x)), x)) / over[:, None], np.ones(len(x)))[0]
    return max(float(intercept), 0.0), max(float(slope), 0.0)


def point(seconds: float) -> Interval:
    return Interval(seconds, seconds, seconds)


def of_batches(loads: Sequence[TokenLoad]) -> Predictor:
    """The law at the batch: no rate to predict from, so no interval either."""
    logs = fitted(loads).fit.belief.mean

    def predict(load: TokenLoad, metric: TokenMetric) -> Interval:
        iteration, batch = Iteration(logs, load.lengths.prompt, load.lengths.output), np.asarray(float(load.batch))
        return point(float(iteration.itl(np.asarray(0.0), batch) if metric is TokenMetric.ITL else iteration.ttft_of_batch(batch)))

    return predict
