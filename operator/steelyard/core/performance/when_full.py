"""What a probed server completes when it is full, and how evenly.

A step in which far fewer requests were answered than sent tells how many answers came in each of its parts. Their mean is the rate, and how alike they
are says how sure that is (Student, 1908). The index of dispersion, the variance of a count over its mean, says how evenly answers come: it is 0
where each takes as long as the last, and 1 where they come by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, sqrt
from statistics import fmean, pvariance, stdev

from steelyard.core.facts.probe import ProbeStep
from steelyard.core.performance.fit import student
from steelyard.core.performance.probe_steps import load_of, lowest, told
from steelyard.core.statistics.interval import Interval

SETTLING, LEAST_PARTS = 4, 8
"""Parts of a step that a server takes until it is full, at least, and those that are looked at, at least."""
LEAST_VARIANCE = 0.35
"""Of independent parts: so much is chance however neighbours even out."""


@dataclass(frozen=True, slots=True)
class WhenFull:
    """`rate`: requests per second that are completed. `uneven`: index of dispersion of these. `done`: requests behind it."""

    rate: Interval
    uneven: float
    done: int


def when_full(steps: Sequence[ProbeStep]) -> WhenFull | None:
    """By the steps that tell when their answers came; None where none does."""
    behind, first = [s for s in told(steps) if len(s.finished) >= LEAST_PARTS], lowest(steps)
    if not behind or first is None:
        return None
    longest = (first.p99_milliseconds or 0.0) / 1000
    # One that was sent less than another completed was not full: its answers took long, and the step was over before they came.
    most = max(_completed(s, longest) for s in behind)
    full = [s for s in behind if load_of(s) >= most] or behind
    parts = [(count, s.seconds / len(s.finished)) for s in full for count in s.finished[_settled(s, longest) :]]
    rates, done = [count / seconds for count, seconds in parts], sum(sum(s.finished) for s in full)
    mean = fmean(rates)
    if mean <= 0:
        return None
    chance = _beside_chance(rates)
    # One request more or less in all of them is always chance.
    half = max(student(len(rates) - 1) * stdev(rates) * sqrt(max(LEAST_VARIANCE, chance) / len(rates)), mean / done)
    uneven = chance * pvariance(rates) * fmean(seconds for _, seconds in parts) / mean
    return WhenFull(Interval(mean, max(0.0, mean - half), mean + half), uneven, done)


def _completed(step: ProbeStep, longest: float) -> float:
    """Answers per second, once it was settled."""
    parts = step.finished[_settled(step, longest) :]
    return sum(parts) * len(step.finished) / (len(parts) * step.seconds)


def _settled(step: ProbeStep, longest: float) -> int:
    """Parts until as much leaves as comes in: a request that takes long is not done before. So many are left that their spread is seen."""
    filling = ceil(len(step.finished) * longest / step.seconds)
    return min(max(SETTLING, filling), len(step.finished) - LEAST_PARTS)


def _beside_chance(rates: Sequence[float]) -> float:
    """Variance of the mean over that of independent parts, by the correlation of neighbours: what is completed in batches evens out over a few parts."""
    mean, spread = fmean(rates), pvariance(rates)
    together = fmean([(one - mean) * (other - mean) for one, other in pairwise(rates)])
    return max(0.0, 1 + 2 * together / spread) if spread > 0 else 1.0
