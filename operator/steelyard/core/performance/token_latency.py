"""Token models: from counters of one (workload, pool, artifact) to TTFT and ITL against load and lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import hypot, inf, log, sqrt

import numpy as np

from steelyard.core.performance.belief import Belief, Evidence, Reals
from steelyard.core.performance.fit import Fit, Seen, fit
from steelyard.core.performance.iteration import PRIOR, Iteration
from steelyard.core.performance.latency import Curve
from steelyard.core.performance.lengths import Lengths
from steelyard.core.performance.token_load import TokenLoad, TokenMetric

SCATTER: Mapping[TokenMetric, float] = {TokenMetric.ITL: 0.03, TokenMetric.TTFT: 0.08}
"""Standard deviation of the logarithm of a mean around the law, however many requests are behind it: a law is never exact."""
VARIETY: Mapping[TokenMetric, float] = {TokenMetric.ITL: 0.3, TokenMetric.TTFT: 1.0}
"""Standard deviation of one request's latency over the mean, of which a mean of few requests still has some."""
TAIL: Mapping[TokenMetric, float] = {TokenMetric.ITL: 0.1, TokenMetric.TTFT: 0.5}
"""How far the 95 % quantile lies above the mean where it was never seen, as a part of the mean; right within TAIL_SPREAD."""
TAIL_SPREAD = 1.5
TAIL_SCATTER = 0.1
"""Standard deviation of the logarithm of quantile over mean between loads."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TokenLatency:
    """The law as fitted.

    tails: quantile over mean, one figure each. seen: lengths of the loads. used: parts of the saturation that they were, at these lengths.
    """

    fit: Fit
    tails: Mapping[TokenMetric, Belief]
    seen: tuple[Lengths, ...]
    used: Reals

    def curve(self, metric: TokenMetric, lengths: Lengths, *, tail: bool = False, slots: float = inf) -> Curve:
        """Against the load at these lengths: the mean, or the quantile at the promised percent (tail).

        slots: sequences that the server holds at once, by its arguments or by its memory for keys and values. A load that needs more is
        not carried.
        """

        def saturation(logs: Reals) -> Reals:
            return Iteration(logs, lengths.prompt, lengths.output).saturation(slots)

        def law(logs: Reals, rate: Reals) -> Reals:
            iteration = Iteration(logs, lengths.prompt, lengths.output)
            carried = rate < iteration.saturation(slots)
            s = np.where(carried, iteration.arrivals(rate), 0.0)
            seconds = (iteration.itl if metric is TokenMetric.ITL else iteration.ttft)(s, s * lengths.output)
            return np.asarray(np.where(carried, seconds, np.inf))

        over = self.tails[metric] if tail else None
        full = float(Iteration(self.fit.belief.mean, lengths.prompt, lengths.output).saturation())
        scatter = SCATTER[metric] * self.fit.scatter
        return Curve(
            law=law,
            saturation=saturation,
            belief=self.fit.belief,
            level=float(np.exp(over.mean[0])) if over else 1.0,
            level_sigma=sqrt(scatter**2 + (over.covariance[0, 0] if over else 0.0)),
            loads=self.used * full,
            away=lengths.away(self.seen),
            reach=self.fit.reach,
        )


def token_latency(loads: Sequence[TokenLoad], prior: Belief = PRIOR, *, percent: float = 95.0) -> TokenLatency | None:
    """Fit the law to loads; None without any. percent: what their `tails` are quantiles of.

    The arrivals of an iteration are seen, rate times ITL, so nothing has to be solved, and near the saturation no error is magnified.
    """
    if not loads:
        return None
    rate, batch, itl, prompt, output = (
        np.array(column, dtype=float)
        for column in zip(*((e.rate, e.batch, e.itl, e.lengths.prompt, e.lengths.output) for e in loads), strict=True)
    )
    s = np.where(batch > 0, 0.0, rate * itl)
    sequences = np.where(batch > 0, batch, s * output)
    told = np.array([i for i, load in enumerate(loads) if load.ttft is not None], dtype=int)

    def law(logs: Reals) -> Reals:
        iteration = Iteration(logs[:, :, None], prompt, output)
        ttft = np.where(batch > 0, iteration.ttft_of_batch(batch), iteration.ttft(s, sequences))
        return np.asarray(np.log(np.hstack((iteration.itl(s, sequences), ttft[:, told]))))

    means = [(TokenMetric.ITL, load.itl, load.requests) for load in loads]
    means += [(TokenMetric.TTFT, load.ttft, load.requests) for load in loads if load.ttft is not None]
    seen = Seen(
        logs=np.log([mean for _, mean, _ in means]),
        sigma=np.array([hypot(SCATTER[metric], VARIETY[metric] / sqrt(max(1, n))) for metric, _, n in means]),
        at_least=np.zeros(len(means), dtype=bool),
    )
    fitted = fit(law, seen, prior)
    return TokenLatency(
        fit=fitted,
        tails={metric: _tail(metric, loads, percent) for metric in TokenMetric},
        seen=tuple(load.lengths for load in loads),
        used=rate / Iteration(fitted.belief.mean[:, None], prompt, output).saturation(),
    )


def _tail(metric: TokenMetric, loads: Sequence[TokenLoad], percent: float) -> Belief:
    """Quantile over mean: a prior that grows with the percent as an exponential tail does, and what loads told of both."""
    prior = Belief.of((1 + TAIL[metric] * log(1 - percent / 100) / log(0.05),), (TAIL_SPREAD,))
    ratios = [log(load.tails[metric] / mean) for load in loads if metric in load.tails and (mean := load.mean(metric)) is not None]
    weight = 1 / TAIL_SCATTER**2
    belief = prior.given(Evidence(np.array([[weight * len(ratios)]]), np.array([weight * sum(ratios)])))
    return Belief(belief.mean, belief.covariance + TAIL_SCATTER**2)
