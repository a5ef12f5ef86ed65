"""Sequential tests: Pass, Fail or Inconclusive, with n. No data is never a pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import log, sqrt

from steelyard.core.statistics.confidence_sequence import NORMAL, WRONG, widening

ALPHA = 0.05
"""Chance of failing a healthy target."""
BETA = 0.05
"""Chance of passing a bad one."""
STEADY = 15
"""Windows, at least, of what is missed steadily: fewer may be one accident."""


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


def steady(counts: Sequence[tuple[int, int]], allowed: float) -> Test | None:
    """A Fail where more than `allowed` is missed in the long run, however little more; None where these windows do not say so surely.

    counts: (bad, n) of each window. The bound is the one of `confidence_sequence` and may be looked at after each window. What a window misses
    comes in clusters, so the windows are what varies (the ratio estimate of cluster sampling, Cochran 1977, section 6.3), and never less than single
    requests do.
    """
    told = [(bad, n) for bad, n in counts if n > 0]
    missed, asked = sum(bad for bad, _ in told), sum(n for _, n in told)
    if len(told) < STEADY or missed <= allowed * asked:
        return None
    part = missed / asked
    between = sum((bad - part * n) ** 2 for bad, n in told) * len(told) / (len(told) - 1)
    error = sqrt(max(between, part * (1 - part) * asked)) / asked
    surely = part - NORMAL * widening(WRONG) * error > allowed
    return Test(Result.FAIL, missed, asked, allowed, part) if surely else None


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
