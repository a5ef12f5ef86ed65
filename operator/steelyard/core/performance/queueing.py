"""Models that answer in one piece: a quantile of the time from request to answer against the load, from bucket counts.

    latency(rate) = alone + wait * u / (1 - u)        u = rate / saturation

exact for the mean of M/G/1 (Pollaczek, 1930; Khinchine, 1932), for every quantile of M/M/1, and for a server whose next batch is all
that came during the last one (a batch of n takes a + b n seconds: cycle a / (1 - b * rate)); the heavy-traffic limit of others (Kingman, 1961).
The saturation is where the utilisation law says 1; RHO of it is what `capacity.measured` plans with where the limit is not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import hypot, inf, log

import numpy as np

from steelyard.core.facts.window import Window
from steelyard.core.performance.belief import Belief, Reals
from steelyard.core.performance.fit import Fit, Seen, fit
from steelyard.core.performance.latency import Curve
from steelyard.core.statistics.histogram import Buckets, Quantile, added, uncertain_quantile

SCATTER = 0.05
"""Standard deviation of the logarithm of a quantile around the law, however many requests are behind it."""
ALONE = Belief.of((0.1, 1.0), (100.0, 5.0))
"""Prior of `alone` in seconds (1 ms to 10 s) and of `wait` as a part of it."""
BATCHES = 1.5
"""Batches get fuller with the load, and a request occupies a server less: what busy time says of the saturation may be off by this factor."""
STRAIGHT = 0.98
"""Utilisation from which on the fit follows the tangent: a load may be seen that the figures tried do not carry."""
SAME_LOAD = 0.15
"""Width in logarithms of what counts as one load: their windows are added up before a quantile is taken."""


@dataclass(frozen=True, slots=True)
class QueueLoad:
    """What one replica showed at one load: requests per second, and the quantile."""

    rate: float
    latency: Quantile


def queue_loads(windows: Sequence[Window], percent: float) -> tuple[QueueLoad, ...]:
    """Loads and their quantile at `percent`, from windows that hold bucket counts. A request that was shed is later than any answer."""
    sums: dict[int, tuple[float, float, Buckets | None]] = {}
    for w in windows:
        if w.buckets and w.replica_seconds > 0 and w.offered > 0:
            key = round(log(w.offered / w.replica_seconds) / SAME_LOAD)
            offered, seconds, buckets = sums.get(key, (0.0, 0.0, {}))
            sums[key] = offered + w.offered, seconds + w.replica_seconds, added(buckets, _with_shed(w.buckets, w.shed))
    found = [(sums[key][0] / sums[key][1], uncertain_quantile(sums[key][2], percent / 100)) for key in sorted(sums)]
    return tuple(QueueLoad(rate, latency) for rate, latency in found if latency is not None)


def _with_shed(buckets: Buckets, shed: int) -> Mapping[float, int]:
    return {edge: count + (shed if edge == inf else 0) for edge, count in buckets.items()}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class QueueLatency:
    """The law as fitted; `fit.belief` holds (alone, wait over alone, saturation). loads: rates seen."""

    fit: Fit
    loads: Reals

    @property
    def curve(self) -> Curve:
        """Of the quantile that the loads told."""
        return Curve(
            law=_latency,
            saturation=lambda logs: np.asarray(np.exp(logs[2])),
            belief=self.fit.belief,
            level=1.0,
            level_sigma=SCATTER * self.fit.scatter,
            loads=self.loads,
            away=0.0,
            reach=self.fit.reach,
        )


def queue_prior(saturation: Belief, alone: Belief = ALONE) -> Belief:
    """Of the law's three figures. saturation: requests per second at utilisation 1, from busy time (`occupied`) or from a claim."""
    nothing = np.zeros((2, 1))
    return Belief(
        np.concatenate((alone.mean, saturation.mean)),
        np.block([[alone.covariance, nothing], [nothing.T, saturation.covariance]]),
    )


def queue_latency(loads: Sequence[QueueLoad], prior: Belief) -> QueueLatency | None:
    """Fit the law; None without a load. prior: `queue_prior`, or what an epoch believes."""
    if not loads:
        return None
    rates = np.array([load.rate for load in loads])
    seen = Seen(
        logs=np.log([load.latency.seconds for load in loads]),
        sigma=np.array([hypot(SCATTER, load.latency.sigma) for load in loads]),
        at_least=np.array([load.latency.at_least for load in loads]),
    )
    return QueueLatency(fit=fit(lambda logs: np.log(_followed(logs[:, :, None], rates)), seen, prior), loads=rates)


def occupied(windows: Sequence[Window]) -> Belief | None:
    """Prior of the saturation from busy time: answered requests per busy second. None where it is not told."""
    told = [(w.busy_seconds, w.good + w.slow) for w in windows if w.busy_seconds is not None]
    busy, answered = sum(seconds for seconds, _ in told), sum(count for _, count in told)
    return Belief.of((answered / busy,), (BATCHES,)) if busy > 0 and answered > 0 else None


def _latency(logs: Reals, rate: Reals) -> Reals:
    alone, wait, saturation = np.exp(logs)
    used = rate / saturation
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(used < 1, alone * (1 + wait * used / (1 - used)), np.inf))


def _followed(logs: Reals, rate: Reals) -> Reals:
    """The same, and along the tangent from STRAIGHT on."""
    alone, wait, saturation = np.exp(logs)
    used = rate / saturation
    near = np.minimum(used, STRAIGHT)
    return np.asarray(alone * (1 + wait * (near / (1 - near) + (used - near) / (1 - STRAIGHT) ** 2)))
