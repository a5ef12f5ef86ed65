"""A few positive parameters of a law from a few observations: the mode of prior times likelihood, in logarithms.

Levenberg's and Marquardt's steps (1944, 1963) on residuals of logarithms, Huber's weights (1964) against outliers, a normal prior that
decides what the observations leave open. Logarithms keep everything positive, and make an error relative.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from typing import TypeAlias

import numpy as np

from steelyard.core.performance.belief import Belief, Evidence, Reals

Law: TypeAlias = Callable[[Reals], Reals]
"""Logarithms of P parameters in each of K columns (P, K) -> logarithms of M predictions for each (K, M)."""

ROUNDS = 40
OUTLIER = 2.0
"""Standard deviations from which on a residual counts by its size and no longer by its square."""
TRUST = 6.0
"""Observations that the expected scatter is worth, beside the scatter that is seen."""
STEP = 1e-6
"""Of the forward differences, in logarithms."""
SETTLED = 1e-6
"""What a step would gain of the cost, from which on none is made: the mode is a thousandth of a standard deviation away. A cost that changes by less
than it is rounded to judges no step."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Seen:
    """M observations: logarithms and their standard deviations, both (M,)."""

    logs: Reals
    sigma: Reals


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Fit:
    """What the observations say (`evidence`), and with the prior (`belief`).

    scatter: residuals as a multiple of what was expected. reach: standard deviations on either side that make 95 % at so few observations.
    """

    evidence: Evidence
    belief: Belief
    scatter: float
    reach: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Point:
    """Residuals (M,) in standard deviations at `logs` (P,) with Huber's weights, their slopes (M, P), and the cost: twice the negative log posterior."""

    logs: Reals
    residual: Reals
    weight: Reals
    slope: Reals
    cost: float

    @property
    def precision(self) -> Reals:
        """(P, P) of the observations."""
        return self.slope.T @ (self.weight[:, None] * self.slope)


def fit(law: Law, seen: Seen, prior: Belief) -> Fit:
    """Fit `law`, which must be finite everywhere, to what was seen. The same input gives the same answer."""
    weight = prior.precision
    here, damping = _at(law, seen, prior, weight, prior.mean), 1e-3
    for _ in range(ROUNDS):
        curvature = weight + here.precision
        downhill = weight @ (prior.mean - here.logs) - here.slope.T @ (here.weight * here.residual)
        diagonal = curvature.reshape(-1)[:: len(here.logs) + 1]
        diagonal += damping * diagonal
        step = np.linalg.solve(curvature, downhill)
        if float(downhill @ step) < SETTLED:
            break
        there = _at(law, seen, prior, weight, here.logs + step)
        here, damping = (there, damping / 10) if there.cost <= here.cost else (here, 10 * damping)
    explained = float(np.trace(np.linalg.solve(weight + here.precision, here.precision)))
    freedom = TRUST + max(0.0, len(seen.logs) - explained)
    scatter = sqrt((TRUST + float((here.weight * here.residual**2).sum())) / freedom)
    precision = here.precision / scatter**2
    # The pull that makes the mode the mean.
    evidence = Evidence(precision, precision @ here.logs + weight @ (here.logs - prior.mean))
    return Fit(evidence=evidence, belief=prior.given(evidence), scatter=scatter, reach=student(freedom))


def _at(law: Law, seen: Seen, prior: Belief, weight: Reals, logs: Reals) -> _Point:
    predicted = law(logs[:, None] + aside(len(logs), STEP))
    residual = (predicted[0] - seen.logs) / seen.sigma
    slope = ((predicted[1:] - predicted[0]) / (STEP * seen.sigma)).T
    size, off = np.abs(residual), logs - prior.mean
    huber = np.where(size <= OUTLIER, size * size, OUTLIER * (2 * size - OUTLIER))
    return _Point(
        logs=logs,
        residual=residual,
        weight=np.minimum(1.0, OUTLIER / np.maximum(size, 1e-12)),
        slope=slope,
        cost=float(huber.sum() + off @ weight @ off),
    )


@lru_cache(maxsize=32)
def aside(figures: int, step: float) -> Reals:
    """(P, P + 1): nothing, and then for each figure the step of it alone: columns of forward differences. Not to be written to."""
    return step * np.eye(figures, figures + 1, 1)


def student(freedom: float) -> float:
    """97.5 % quantile of Student's law (expansion of Cornish and Fisher, 1937)."""
    return 1.96 + 2.37 / freedom + 2.82 / freedom**2
