"""Token models: from counters of one (workload, pool, artifact) to TTFT and ITL against load and lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import hypot, log, sqrt
from statistics import NormalDist

import numpy as np

from steelyard.core.performance.belief import Belief, Reals
from steelyard.core.performance.concurrency import concurrency
from steelyard.core.performance.fit import Fit, Seen, fit
from steelyard.core.performance.iteration import PRIOR, Iteration
from steelyard.core.performance.latency import Curve
from steelyard.core.performance.lengths import Lengths
from steelyard.core.performance.token_load import TokenLoad, TokenMetric

SCATTER: Mapping[TokenMetric, float] = {TokenMetric.ITL: 0.03, TokenMetric.TTFT: 0.08}
"""Standard deviation of the logarithm of a mean around the law, however many requests are behind it: a law is never exact."""
VARIETY: Mapping[TokenMetric, float] = {TokenMetric.ITL: 0.3, TokenMetric.TTFT: 1.0}
"""Standard deviation of one request's latency over the mean, of which a mean of few requests still has some."""
CROWDED = 0.6
"""Part of the slots from which on a mean TTFT counts as one that has waited for a slot, and tells nothing of prompts."""
UNEVEN, UNEVEN_SPREAD = 0.75, 1.4
"""Times that the wait for a slot is as long as where lengths of answers differ as exponential ones do; half as long where all are alike."""
TAIL: Mapping[TokenMetric, float] = {TokenMetric.ITL: 1.0, TokenMetric.TTFT: 0.5}
TAIL_SPREAD: Mapping[TokenMetric, float] = {TokenMetric.ITL: 2.2, TokenMetric.TTFT: 2.5}
"""How far the quantile lies above the mean: of ITL, in what is computed of it; of TTFT without the wait for a slot, as a part of the mean where 5 %
may be later, growing as an exponential tail does. What lengths and prompts of single requests make of it is told by no counter."""
JOINED = 0.5
"""Times log(allowed)^2 and the deviation that prompts of the mean length, in an answer of the mean length, give to the mean time between its tokens:
short answers meet more or less of them, and long prompts count double. Found with simulated servers, as UNEVEN and the TAILs were."""


@dataclass(frozen=True, slots=True)
class Slots:
    """Sequences that a replica runs at the same time at most: a number that is right within the factor `spread` (from 1) nine times in ten."""

    most: float
    spread: float = 1.0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TokenLatency:
    """The law as fitted. seen: lengths of the loads. used: parts of the saturation of computation that they were, at these lengths."""

    fit: Fit
    seen: tuple[Lengths, ...]
    used: Reals

    def curve(self, metric: TokenMetric, lengths: Lengths, slots: Slots, allowed: float | None = None) -> Curve:
        """Against the load at these lengths: the mean, or what no more than the part `allowed` of the requests takes longer than."""
        figures = len(self.fit.belief.mean)

        def saturation(logs: Reals) -> Reals:
            return Iteration(logs[:figures], lengths.prompt, lengths.output).saturation(np.exp(logs[figures]))

        def law(logs: Reals, rate: Reals) -> Reals:
            return _seconds(metric, lengths, logs, rate, allowed)

        full = float(Iteration(self.fit.belief.mean, lengths.prompt, lengths.output).saturation())
        return Curve(
            law=law,
            saturation=saturation,
            belief=_beside(self.fit.belief, (slots.most, slots.spread), (UNEVEN, UNEVEN_SPREAD), (TAIL[metric], TAIL_SPREAD[metric])),
            level_sigma=SCATTER[metric] * self.fit.scatter,
            loads=self.used * full,
            away=lengths.away(self.seen),
            reach=self.fit.reach,
        )


def _seconds(metric: TokenMetric, lengths: Lengths, logs: Reals, rate: Reals, allowed: float | None) -> Reals:
    """logs: of the iteration's figures; behind them of slots, of the unevenness of the wait, and of the tail. What is in the engine is no slower where
    more wait outside: ITL has an end, and TTFT is infinite from the saturation on."""
    law, (slots, uneven, tail) = logs[:-3], np.exp(logs[-3:])
    iteration = Iteration(law, lengths.prompt, lengths.output)
    s = np.minimum(iteration.arrivals(rate), slots / lengths.output)
    running = s * lengths.output
    if metric is TokenMetric.ITL:
        mean = iteration.itl(s, running)
        if allowed is None:
            return mean
        beside = concurrency(iteration, rate, slots, running)
        return np.asarray(mean + tail * _later(iteration, s, beside.deviation, allowed))
    beside = concurrency(iteration, rate, slots, running)
    ttft = iteration.ttft(s, running)
    if allowed is None:
        waiting = ttft + uneven * beside.full * beside.falls
    else:
        waiting = ttft * (1 + tail * log(allowed) / log(0.05)) + uneven * beside.wait(allowed)
    return np.asarray(np.where(rate < iteration.saturation(slots), waiting, np.inf))


def _later(iteration: Iteration, s: Reals, running: Reals, allowed: float) -> Reals:
    """How much longer than the mean no more than the part `allowed` of answers takes between tokens: for how many run beside it (`running`: the deviation
    of these), and for the prompts that come meanwhile."""
    beside = NormalDist().inv_cdf(1 - allowed) * iteration.work * running
    prompts = JOINED * log(allowed) ** 2 * np.sqrt(s / iteration.output) * iteration.alone(np.asarray(1.0))
    return np.asarray(np.hypot(beside, prompts))


def _beside(belief: Belief, *others: tuple[float, float]) -> Belief:
    """With independent figures that nothing was learnt of: each is right within its factor nine times in ten."""
    known, own = len(belief.mean), Belief.of([each for each, _ in others], [spread for _, spread in others])
    covariance = np.zeros((known + len(others),) * 2)
    covariance[:known, :known], covariance[known:, known:] = belief.covariance, own.covariance
    return Belief(np.concatenate((belief.mean, own.mean)), covariance)


def token_latency(loads: Sequence[TokenLoad], prior: Belief = PRIOR, *, slots: float = np.inf) -> TokenLatency | None:
    """Fit the law to loads; None without any. slots: sequences that the server runs at the same time at most.

    The arrivals of an iteration are seen, rate times ITL, so nothing has to be solved, and near the saturation no error is magnified.
    """
    if not loads:
        return None
    rate, batch, itl, prompt, output = (
        np.array(column, dtype=float)
        for column in zip(*((e.rate, e.batch, e.itl, e.lengths.prompt, e.lengths.output) for e in loads), strict=True)
    )
    s = np.where(batch > 0, 0.0, rate * itl)
    sequences, batches = np.where(batch > 0, batch, s * output), bool(batch.any())
    told = np.array(
        [i for i, load in enumerate(loads) if load.ttft is not None and (batch[i] or sequences[i] < CROWDED * slots)], dtype=int
    )

    def law(logs: Reals) -> Reals:
        iteration = Iteration(logs[:, :, None], prompt, output)
        itl, ttft = iteration.itl_and_ttft(s, sequences)
        if batches:
            ttft = np.where(batch > 0, iteration.ttft_of_batch(batch), ttft)
        return np.asarray(np.log(np.concatenate((itl, ttft[:, told]), axis=1)))

    means = [(TokenMetric.ITL, load.itl, load.requests) for load in loads]
    means += [(TokenMetric.TTFT, loads[i].ttft or 0.0, loads[i].requests) for i in told]
    seen = Seen(
        logs=np.log([mean for _, mean, _ in means]),
        sigma=np.array([hypot(SCATTER[metric], VARIETY[metric] / sqrt(max(1, n))) for metric, _, n in means]),
    )
    fitted = fit(law, seen, prior)
    full = Iteration(fitted.belief.mean[:, None], prompt, output).saturation()
    return TokenLatency(fit=fitted, seen=tuple(load.lengths for load in loads), used=rate / full)
