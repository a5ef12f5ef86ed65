"""How near to its saturation a probed server may be kept, by the wait that the objective leaves.

A short step tells too much of a server that is nearly full: near saturation a queue grows for longer than the step lasts. But what a full server
completes tells the wait in the long run: of requests that come by chance and are completed at an even pace it has an exponential tail (M/D/1;
Tijms, A First Course in Stochastic Models, 2003, 9.6), and where several are served at once fewer wait at all (Sakasegawa, An approximation formula
Lq = alpha rho^beta / (1 - rho), 1977). Uneven completions make a wait longer in proportion (Kingman, On queues in heavy traffic, 1962).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, expm1, sqrt

from steelyard.core.facts.probe import ProbeStep
from steelyard.core.facts.snapshot import LatencyObjective
from steelyard.core.performance.probe_steps import lowest
from steelyard.core.performance.when_full import WhenFull, when_full
from steelyard.core.statistics.interval import Interval

NEARLY_FULL = 0.65
"""Utilisation from which a queue remembers for longer than a step lasts."""
INEXACT, ONE = 1.02, 1.5
"""Times that the law may be off, and requests that are in a full server, below which they are served one at a time."""
UNSURE = 2.0
"""Times the index of dispersion that so few parts show, it may be."""


@dataclass(frozen=True, slots=True)
class Borne:
    """The rates that are borne. `alone`: requests are served one at a time, so that this is the capacity; else it is what that is at most, since what
    is served together may be late without a wait."""

    rate: Interval
    alone: bool

    def beside(self, seen: Interval) -> Interval:
        """With what short steps show: of these the lower, each with its weight where the steps show less of a server that this is the capacity of."""
        if seen.point >= self.rate.point or seen.lower <= 0:
            return self.rate
        if not self.alone:
            return Interval(seen.point, seen.lower, max(seen.point, min(seen.upper, self.rate.upper)))
        return seen.pooled(self.rate)


def borne(steps: Sequence[ProbeStep], promised: Sequence[LatencyObjective]) -> list[Borne]:
    """By each objective that a wait breaks; the saturation where there is none. Empty where the server was never full."""
    full, first = when_full(steps), lowest(steps)
    if full is None or first is None or not promised:
        return []
    alone = (first.p50_milliseconds or 0.0) / 1000
    waits = [(o.allowed, o.milliseconds / 1000 - (alone if o.metric == "e2e" else 0.0)) for o in promised if o.metric in {"e2e", "ttft"}]
    if not waits:
        return [Borne(full.rate, alone=False)]
    slots = max(1.0, full.rate.point * alone)
    # A promise that is broken far below saturation, or without a queue, is broken within a step.
    found = [_within(full, late, wait, slots) for late, wait in waits if late > 0 and wait > 0]
    return [Borne(rate, alone=alone > 0 and slots < ONE) for rate in found if rate.point >= NEARLY_FULL * full.rate.point]


def _within(full: WhenFull, late: float, wait: float, slots: float) -> Interval:
    """The rates at which the part `late` waits longer than `wait` seconds."""

    def rate(saturation: float, uneven: float) -> float:
        return saturation * busy(late, wait * saturation / (1 + uneven), slots)

    point = rate(full.rate.point, full.uneven)
    lower, upper = rate(full.rate.lower, UNSURE * full.uneven), rate(full.rate.upper, 0.0)
    return Interval(point, min(lower, point / INEXACT), max(upper, point * INEXACT))


def busy(late: float, wait: float, slots: float) -> float:
    """The utilisation at which the part `late` of the requests waits for longer than `wait` mean times between two completions of a full server.

    slots: requests that are served at once, at least 1.
    """
    low, high = 1e-4, 5.0
    for _ in range(40):
        # With x = theta / mu the wait of M/D/1 ends like exp(-theta t), where rho (exp(x) - 1) = x.
        x = (low + high) / 2
        rho = x / expm1(x)
        waiting = (1 - rho) / (rho * exp(x) - 1) * rho ** (sqrt(2 * (slots + 1)) - 2)
        low, high = (x, high) if waiting * exp(-x * wait) > late else (low, x)
    return high / expm1(high)
