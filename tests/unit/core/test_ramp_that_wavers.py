"""A ramp whose steps waver around the limit: what came in a step is more or less than its rate, so that a higher load may keep what a lower one broke."""

from __future__ import annotations

from steelyard.core.facts.capacity import Basis
from steelyard.core.facts.probe import ProbeStep
from steelyard.core.facts.snapshot import LatencyObjective
from steelyard.core.performance.ramp import probed_capacity

ALLOWED = 0.02
PROMISED = (LatencyObjective(metric="e2e", milliseconds=600, percent=98.0),)
TOLD = (
    (0.2046, 4.0, 1, 0),
    (0.8184, 4.0, 1, 0),
    (3.2736, 4.0, 12, 0),
    (13.0944, 4.0, 54, 0),
    (52.3776, 4.01, 15, 166),
    (32.736, 19.0, 18, 416),
    (22.9152, 19.0, 28, 430),
    (18.0048, 19.0, 151, 172),
    (15.5496, 19.0, 200, 110),
    (14.322, 19.0, 213, 43),
    (13.7082, 19.0, 239, 5),
)
"""Rate, seconds, good and slow of each step of a real server that completes 16.4 requests per second at most (0.25 of a CPU, a sentence encoder)."""


def steps(told: tuple[tuple[float, float, int, int], ...] = TOLD) -> list[ProbeStep]:
    return [ProbeStep(rate=rate, seconds=seconds, good=good, slow=slow, error=0, shed=0) for rate, seconds, good, slow in told]


def test_the_limit_is_not_at_a_load_far_below_the_one_that_broke_the_promise_by_a_hair() -> None:
    """5 of 244 were late at 12.8 requests per second, where 2 % may; the next lower load that was tried is a quarter of it."""
    found = probed_capacity(steps(), ALLOWED, PROMISED)
    assert found is not None and found.basis is Basis.PROBED
    assert 12 < found.rate.point < 13
    assert found.rate.lower < 12 and found.rate.upper > 13.5


def test_a_load_that_broke_it_by_much_says_little_of_lower_ones() -> None:
    """Half of them are late: the limit is anywhere between, and the load that kept it is the best guess there is."""
    found = probed_capacity(steps(((2.0, 100.0, 200, 0), (64.0, 100.0, 3200, 3200))), ALLOWED, PROMISED)
    assert found is not None
    assert 2.0 <= found.rate.point < 64.0 / 2
    assert found.rate.lower <= 2.0 and found.rate.upper >= 64.0
