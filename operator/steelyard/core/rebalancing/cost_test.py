"""The sequential test of cost: the target's cost per good request against the source's, over the same minutes.

Cost is taken at capacity, never at the load that was served: one Service gives every replica the same part of the load, in a trial a small
one, so what a request costs meanwhile is the replica's price over a load that is not its own. By the utilisation law (Denning and Buzen,
1978) the time that a good request occupies a replica does not depend on the load; a replica's price times that time is what the request
costs where the replicas are full. Of a server that computes several at once it does: there it is what a request takes in full runs, by the law of
batches. What slows both sides in the same minutes cancels in the ratio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log, sqrt
from typing import NamedTuple

from steelyard.core.facts.unit_cost import Unit
from steelyard.core.facts.window import Window
from steelyard.core.performance.batching import BatchLaw
from steelyard.core.planning.counting import units_in
from steelyard.core.statistics.interval import Interval
from steelyard.core.statistics.sequential import ALPHA, Result

EFFECT = 0.1
"""Precision of the mixture over the effect, in units of the windows' own spread: 0.1 decides from three windows on, and costs a tenth of
the width at thirty against a mixture made for these."""

AMPLE = 8
"""Windows that show a difference of twice their own spread."""
ONE = Interval(1.0, 1.0, 1.0)
FAR = 700.0
"""Log of a ratio beyond which a float has no room."""


@dataclass(frozen=True, slots=True)
class CostTest:
    """`ratio`: the target's cost per good request over the source's with always-valid 95 % bounds, over `n` windows of both; None where they
    do not tell. `break_even`: lowest and highest ratio from which the target saves nothing, over what the load may be."""

    result: Result
    n: int
    ratio: Interval | None
    break_even: tuple[float, float]

    def __str__(self) -> str:
        """What was seen and the rule."""
        if self.ratio is None:
            return f"what a good request costs on both sides over the same minutes is not known yet (n = {self.n} windows)"
        point, lower, upper = self.ratio.point, self.ratio.lower, self.ratio.upper
        return (
            f"a good request costs {point:.3g} [{lower:.3g}, {upper:.3g}] times what it costs on the source over the same minutes "
            f"(n = {self.n} windows); nothing is saved from {self.break_even[0]:.3g} on"
        )


def judge(ratio: Interval | None, n: int, break_even: tuple[float, float]) -> CostTest:
    """Pass: surely cheaper at every load that was asked about. Fail: surely not cheaper at any."""
    low, high = min(break_even), max(break_even)
    result = Result.INCONCLUSIVE
    if ratio is not None and ratio.upper < low:
        result = Result.PASS
    elif ratio is not None and ratio.lower > high:
        result = Result.FAIL
    return CostTest(result, n, ratio, (low, high))


class Laws(NamedTuple):
    """The law of batches on each end of a move, by all windows of it; None where it does one request at a time, or does not tell."""

    target: BatchLaw | None = None
    source: BatchLaw | None = None


NO_LAWS = Laws()


def log_ratios(
    target: Sequence[Window], source: Sequence[Window], unit: Unit = Unit.GOOD_REQUESTS, laws: Laws = NO_LAWS
) -> tuple[float, ...]:
    """log of (target's / source's) replica time per good request, or per token of good requests, one for each window of the target and that of the source which covers
    most of the same minutes, and at least half of them. Windows without a good request or an untold busy time say nothing."""
    found = []
    for window in target:
        other = max(source, key=lambda w: _together(window, w), default=None)
        if other is None or _together(window, other) < window.seconds / 2:
            continue
        mine, theirs = _log_occupied(window, laws.target, unit), _log_occupied(other, laws.source, unit)
        if mine is not None and theirs is not None:
            found.append(mine - theirs)
    return tuple(found)


def _together(one: Window, other: Window) -> float:
    return (min(one.end, other.end) - max(one.start, other.start)).total_seconds()


def _log_occupied(window: Window, law: BatchLaw | None, unit: Unit) -> float | None:
    units, seconds = units_in(window, unit), window.occupied_seconds if law is None else law.occupied(window)
    if seconds is None or seconds <= 0 or units is None or units <= 0:
        return None
    return log(seconds) - log(units)


def always_valid(values: Sequence[float]) -> tuple[float, float, float]:
    """(mean, lower, upper) of normal values whose spread is not known, valid at every look: the chance that the mean is ever outside is at
    most ALPHA. Infinite while there are too few values.

    Wang and Ramdas, "Anytime-valid t-tests and confidence sequences for Gaussian means with unknown variance" (2023): the scale-invariant
    likelihood ratio with a normal mixture over the effect (Lai, 1976; as a Bayes factor Goenen et al., 2005),
    E = sqrt(r) * ((1 + A) / (1 + r * A)) ** (n / 2) with A = (mean - m)^2 / variance and r = c / (n + c); bounds are where E = 1 / ALPHA.
    Windows count as independent: what drifts for both sides is gone from the ratio.
    """
    n = len(values)
    if n == 0:
        return 0.0, -inf, inf
    mean = sum(values) / n
    variance = sum((v - mean) ** 2 for v in values) / n
    r = EFFECT / (n + EFFECT)
    grown = (ALPHA * ALPHA * r) ** (-1 / n)
    if n < 2 or grown * r >= 1:
        return mean, -inf, inf
    half = sqrt(variance * (grown - 1) / (1 - grown * r))
    return mean, mean - half, mean + half


def cost_ratio(values: Sequence[float], prices: float, laws: Laws = NO_LAWS) -> Interval | None:
    """The ratio of costs from log ratios of occupied time and the ratio of the replicas' prices, with what the laws leave open of a full run; None
    while nothing can be said."""
    mean, lower, upper = always_valid(values)
    if not upper < inf:
        return None
    point, least, most = (prices * exp(max(-FAR, min(FAR, end))) for end in (mean, lower, upper))
    ratio = Interval(point, least, most)
    if laws.target is not None:
        ratio = ratio.by_chance_over(_as_multiple(laws.target.saturation))
    if laws.source is not None:
        # Its saturation is in the numerator: what it may be less makes the ratio less.
        ratio = ratio.by_chance_over(ONE.over(_as_multiple(laws.source.saturation)))
    return ratio


def _as_multiple(figure: Interval) -> Interval:
    """Of its point."""
    return figure.times(1 / figure.point)
