"""Sequential tests: Pass, Fail or Inconclusive, with n. No data is never a pass."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import log, sqrt

ALPHA = 0.05
"""Chance of failing a healthy target."""
BETA = 0.05
"""Chance of passing a bad one."""


class Result(StrEnum):
    """Of a sequential test."""

    PASS = "Pass"
    FAIL = "Fail"
    INCONCLUSIVE = "Inconclusive"


@dataclass(frozen=True, slots=True)
class Test:
    """A result with its operands: `bad` of `n` requests against a healthy fraction `p0` and an unacceptable `p1`."""

    __test__ = False

    result: Result
    bad: int
    n: int
    p0: float
    p1: float


def violations(bad: int, n: int, source_bad: int, source_n: int, allowed: float) -> Test:
    """Wald's sequential probability ratio test (1945) of the violation fraction of the target against the source's, same minutes.

    The healthy fraction is what the promise allows, or what the source itself shows where that is worse (a slow machine must not be
    blamed on the target). Unacceptable is three times that, and at least two points more. Failing is judged against the upper 95 %
    bound of what the source shows and passing against its lower one (Wilson), so that a thin sample of the source excuses no target.
    """
    low = high = min(0.9, max(allowed, 0.001))
    if source_n > 0 and source_bad > allowed * source_n:
        lower, upper = wilson(source_bad, source_n)
        low, high = max(low, min(0.5, lower)), max(high, min(0.5, upper))
    if n > 0 and _log_ratio(bad, n, high) >= log((1 - BETA) / ALPHA):
        return Test(Result.FAIL, bad, n, high, _unacceptable(high))
    if n > 0 and _log_ratio(bad, n, low) <= log(BETA / (1 - ALPHA)):
        return Test(Result.PASS, bad, n, low, _unacceptable(low))
    return Test(Result.INCONCLUSIVE, bad, n, high, _unacceptable(high))


def _unacceptable(healthy: float) -> float:
    return min(0.95, max(3 * healthy, healthy + 0.02))


def _log_ratio(bad: int, n: int, p0: float) -> float:
    p1 = _unacceptable(p0)
    return bad * log(p1 / p0) + (n - bad) * log((1 - p1) / (1 - p0))


def wilson(bad: float, n: float, z: float = 1.96) -> tuple[float, float]:
    """95 % bounds of a fraction (Wilson, 1927)."""
    p = bad / n
    centre = p + z * z / (2 * n)
    spread = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, (centre - spread) / (1 + z * z / n)), (centre + spread) / (1 + z * z / n)
