"""Latency against the load of one replica, with uncertainty, and the largest load at which it keeps within a limit.

Away from the loads that were seen the load itself is in doubt: one that is r times the nearest counts as up to r^DOUBT times heavier or
lighter. So nothing is extrapolated without widening, and most where it matters: near the saturation a few percent of load are a multiple
of latency.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, hypot, inf, isfinite, sqrt
from typing import TypeAlias

import numpy as np

from steelyard.core.performance.belief import WITHIN_95, Belief, Reals
from steelyard.core.statistics.interval import Interval

LatencyLaw: TypeAlias = Callable[[Reals, Reals], Reals]
"""Logarithms of figures (P, ...), requests per second (...) -> seconds (...), rising with the load; infinite from the saturation on."""

DOUBT = 0.08
"""How much of the way from the nearest load seen is in doubt. Below 1, so that more load never looks lighter."""
STRANGE = 0.1
"""The same for the way from the lengths seen."""
STEP = 1e-4
"""Of the forward differences, in logarithms."""
SLACK = np.linspace(-6.0, 7.0, 28)
"""Loads that a limit is looked for at: log(u / (1 - u)) of the utilisation u. Densest near the saturation, where latency is steep."""
FINER = np.linspace(0.0, 1.0, 8)
"""Parts of the way from one of these to the next that are looked at: there latency may begin to rise, as it does where the first requests wait."""
CLOSE = 1e-9
"""Part of a rate to which it is the same."""
BEYOND = np.linspace(0.0, 1.0, 5)
"""The same from the saturation to where no law within the interval carries any."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Curve:
    """One latency (a mean or a quantile) of one (workload, pool, artifact) against requests per second and replica.

    level_sigma: standard deviation of the logarithm around the law. loads: (N,) that were seen. away: how far these lengths are from those seen (Lengths.away; 0 without). reach: standard
    deviations on either side that make 95 %.
    """

    law: LatencyLaw
    saturation: Callable[[Reals], Reals]
    belief: Belief
    level_sigma: float
    loads: Reals
    away: float
    reach: float

    def at(self, rate: float) -> Interval:
        """Seconds at `rate` requests per second and replica (above 0). Infinite where the load is not, or perhaps not, carried."""
        lower, point, upper = (float(seconds[0]) for seconds in self._bounds(np.array([rate])))
        return Interval(point, lower if isfinite(point) or rate < self.full.upper else inf, upper)

    def capacity(self, limit: float, other: Interval | None = None) -> Interval:
        """The largest load (requests per second and replica) whose latency is within `limit` seconds. other: the same of another
        latency of the same server, and the answer where this one surely allows more, at both ends too.

        lower: the largest that surely is; 0 where none is. A longer limit never gives less, more uncertainty never a higher lower bound.
        """
        full = self.full
        rates = np.concatenate((full.point / (1 + np.exp(-SLACK)), _between(full.point, full.upper, BEYOND)))
        around = [_around(rates, seconds, limit) for seconds in self._carried(rates, full)]
        if other is not None and all(loads[0] > end for loads, end in zip(around, (other.lower, other.point, other.upper), strict=True)):
            return other
        finer = np.split(self._carried(np.concatenate(around), full), len(around), axis=1)
        least, middle, most = (
            _crossing(loads, seconds[curve], limit) for curve, (loads, seconds) in enumerate(zip(around, finer, strict=True))
        )
        return Interval(middle, least, max(middle, most))

    def _carried(self, rates: Reals, full: Interval) -> Reals:
        """(3, L) seconds at most, as expected, and at least; infinite where the load is not carried even so."""
        lower, point, upper = self._bounds(rates)
        pairs = ((upper, full.lower), (point, full.point), (lower, full.upper))
        return np.array([np.where(rates <= end * (1 + CLOSE), seconds, inf) for seconds, end in pairs])

    def utilisation(self, limit: float) -> float:
        """About the point of `capacity` as a part of the saturation: by the likeliest figures alone, since all that it takes otherwise costs many times as
        much."""
        mean, parts = self.belief.mean[:, None], 1 / (1 + np.exp(-SLACK))
        full = self.saturation(mean)
        around = _around(parts, self.law(mean, parts * full), limit)
        return _crossing(around, self.law(mean, around * full), limit)

    def _bounds(self, rates: Reals) -> tuple[Reals, Reals, Reals]:
        """(lower, point, upper) seconds at rates (L,).

        A bound is the law at figures that are `reach` standard deviations away in the direction in which latency changes most. Figures
        that make up for each other in what was seen bend it up on either side, so the lower one is at least as far as a straight line in
        1 / latency, in which a queue is straight up to its saturation. The point is the mean of 1 / latency at one standard deviation to
        either side, of the figures and of the load together, and never less than at the likeliest figures: there latency near the
        saturation is too short more often than too long.
        """
        along, own = self._direction(rates)
        sigma = np.hypot(own, self.level_sigma)
        doubt, step = np.exp(self._doubt(rates)), np.exp(self._doubt(rates) / WITHIN_95)
        rest = np.exp(self.reach * (sigma - own))
        sides = np.array([0.0, -1.0, 1.0, 0.0, -self.reach, self.reach])[:, None]
        loads = rates * np.array([np.ones_like(rates), 1 / step, step, 1 / doubt, 1 / doubt, doubt])
        likeliest, less, more, light, least, most = self.law(self.belief.mean[:, None, None] + sides * along[:, None, :], loads)
        with np.errstate(divide="ignore"):  # beyond the saturation on both sides
            point = np.maximum(likeliest, 2 / (1 / less + 1 / more))
        lower = np.minimum(point, np.minimum(least / rest, light / (1 + self.reach * sigma)))
        return lower, point, np.maximum(point, most * rest)

    def _doubt(self, rates: Reals) -> Reals:
        """(L,) How much heavier or lighter loads may count, in logarithms."""
        return np.asarray(DOUBT * np.abs(np.log(rates / self.loads[:, None])).min(axis=0) + STRANGE * self.away)

    def _direction(self, rates: Reals) -> tuple[Reals, Reals]:
        """One standard deviation of the figures (P, L) along which latency changes most at rates (L,), and that of its logarithm (L,)."""
        figures = len(self.belief.mean)
        columns = self.belief.mean[:, None, None] + STEP * np.eye(figures, figures + 1, 1)[:, :, None]
        # From the saturation on there is no slope; it is taken a little below.
        full = float(self.saturation(self.belief.mean[:, None])[0])
        logs = np.log(self.law(columns, np.minimum(rates, 0.999 * full)[None, :]))
        slope = (logs[1:] - logs[0]) / STEP
        along = self.belief.covariance @ slope
        own = np.sqrt(np.maximum((slope * along).sum(axis=0), 1e-12))
        return along / own, own

    @property
    def full(self) -> Interval:
        """Requests per second that are completed at most. The way from the highest load seen is in doubt here, too."""
        mean = self.belief.mean
        full = np.log(self.saturation(mean[:, None] + STEP * np.eye(len(mean), len(mean) + 1, 1)))
        slope = (full[1:] - full[0]) / STEP
        doubt = float(self._doubt(np.exp(full[:1]))[0])
        point, off = exp(float(full[0])), exp(doubt + self.reach * hypot(self.level_sigma, sqrt(slope @ self.belief.covariance @ slope)))
        return Interval(point, point / off, point * off)


def _within(seconds: Reals, limit: float) -> int:
    """The last load up to which seconds are within the limit; -1 where none is. Where all slots are taken the number of those that run changes less, and
    a quantile may fall again: that is no reason to load a replica more."""
    seconds = np.maximum.accumulate(seconds)
    within = np.flatnonzero((seconds <= limit) & np.isfinite(seconds))
    return int(within[-1]) if len(within) else -1


def _around(rates: Reals, seconds: Reals, limit: float) -> Reals:
    """Loads from the last that is within the limit to the next; all the same where there is no such pair."""
    last = _within(seconds, limit)
    return _between(rates[max(0, last)], rates[min(last + 1, len(rates) - 1)], FINER)


def _between(low: float, high: float, parts: Reals) -> Reals:
    """Loads at these parts of the way, whose logarithms are even."""
    return np.asarray(low * (high / low) ** parts)


def _crossing(rates: Reals, seconds: Reals, limit: float) -> float:
    """The largest rate up to which seconds are within the limit, by interpolation of logarithms; 0 where none is."""
    last, seconds = _within(seconds, limit), np.maximum.accumulate(seconds)
    if last < 0 or last + 1 == len(rates):
        return float(rates[last]) if last >= 0 else 0.0
    low, high = np.log(seconds[last]), np.log(seconds[last + 1])
    part = (np.log(limit) - low) / (high - low) if np.isfinite(high) else 0.0
    return float(rates[last] * (rates[last + 1] / rates[last]) ** part)
