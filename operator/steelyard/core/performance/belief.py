"""What is known of positive figures: a normal law of their logarithms, narrowed by evidence, widened for what differs.

Everything is conjugate (Gelman et al., Bayesian Data Analysis, 2013, ch. 3): precisions add, so the order in which evidence comes does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from steelyard.core.statistics.interval import Interval

Reals: TypeAlias = NDArray[np.float64]

WITHIN_90 = 1.645
"""Standard deviations that hold nine tenths of a normal law: what "may be off by a factor" means for claims and priors."""
WITHIN_95 = 1.96
"""Those that hold 95 %: what an Interval means."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What was seen of the logarithms of P figures, apart from any prior: precision (P, P), not negative, and precision times mean (P,).

    Directions that were not seen have no precision. Independent evidence adds up.
    """

    precision: Reals
    pull: Reals

    @classmethod
    def nothing(cls, figures: int) -> Evidence:
        """Nothing was seen."""
        return cls(np.zeros((figures, figures)), np.zeros(figures))

    @classmethod
    def of(cls, seen: Interval) -> Evidence:
        """One measured figure with its 95 % interval, which must be positive. ValueError otherwise, or for an interval without width."""
        if not 0 < seen.lower < seen.upper:
            raise ValueError(f"an interval with 0 < lower < upper is needed, not [{seen.lower:g}, {seen.upper:g}]")
        weight = (2 * WITHIN_95 / log(seen.upper / seen.lower)) ** 2
        return cls(np.array([[weight]]), np.array([weight * log(seen.point)]))

    def __add__(self, other: Evidence) -> Evidence:
        """Both, where they are independent."""
        return Evidence(self.precision + other.precision, self.pull + other.pull)


@dataclass(frozen=True, slots=True, eq=False)
class Belief:
    """P positive figures: mean (P,) and covariance (P, P) of their logarithms."""

    mean: Reals
    covariance: Reals

    @classmethod
    def of(cls, figures: Sequence[float], spreads: Sequence[float]) -> Belief:
        """Independent priors: each figure is right within its factor `spread` (above 1) nine times in ten."""
        return cls(np.log(figures), np.diag((np.log(spreads) / WITHIN_90) ** 2))

    @property
    def precision(self) -> Reals:
        """(P, P) inverse of the covariance."""
        return _inverse(self.covariance)

    def given(self, evidence: Evidence) -> Belief:
        """This as the prior of the evidence. Never wider than before, in no direction."""
        covariance = _inverse(self.precision + evidence.precision)
        return Belief(covariance @ (self.precision @ self.mean + evidence.pull), covariance)

    def widened(self, spread: float) -> Belief:
        """As a prior of something that differs by a factor which is within `spread` nine times in ten, in each figure."""
        return Belief(self.mean, self.covariance + np.eye(len(self.mean)) * (log(spread) / WITHIN_90) ** 2)

    def interval(self, figure: int = 0) -> Interval:
        """Median and 95 % bounds of one figure."""
        median, reach = exp(self.mean[figure]), exp(WITHIN_95 * sqrt(self.covariance[figure, figure]))
        return Interval(median, median / reach, median * reach)


def _inverse(matrix: Reals) -> Reals:
    inverse = np.asarray(np.linalg.inv(matrix), dtype=np.float64)
    return (inverse + inverse.T) / 2
