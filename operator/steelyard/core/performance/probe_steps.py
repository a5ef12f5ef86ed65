"""The steps of a probe that tell anything, in order of load."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt

from steelyard.core.facts.probe import ProbeStep

UNLIKE = 4.0
"""Standard errors by which a step's count may differ from its rate times its length, and TENTH beside."""
TENTH = 0.1


def told(steps: Sequence[ProbeStep]) -> tuple[ProbeStep, ...]:
    """The steps whose requests are as many as their rate and length say, in order of load. Another one is of a generator that could not keep up, or
    of other units, and says nothing."""
    return tuple(sorted(_fitting(steps), key=_order))


def lowest(steps: Sequence[ProbeStep]) -> ProbeStep | None:
    """The step of the lowest load that tells anything."""
    return min(_fitting(steps), key=_order, default=None)


def is_kept(step: ProbeStep, allowed: float) -> bool:
    """Whether no more missed the promise in it than chance makes of the part that may: two standard errors of a Poisson count, and half a request."""
    expected = allowed * step.offered
    return step.offered - step.good <= expected + 2 * sqrt(expected) + 0.5


def load_of(step: ProbeStep) -> float:
    """Requests per second, as they came."""
    return step.offered / step.seconds


def _fitting(steps: Sequence[ProbeStep]) -> Iterator[ProbeStep]:
    return (s for s in steps if s.seconds > 0 and s.offered > 0 and _fits(s))


def _order(step: ProbeStep) -> tuple[float, ...]:
    """Of the same load that first which kept the promise less: the two are pooled."""
    return load_of(step), step.good / step.offered, step.offered, step.slow, step.shed, step.p99_milliseconds or 0.0


def _fits(step: ProbeStep) -> bool:
    if sum(step.finished) > step.good + step.slow:
        return False
    expected = step.rate * step.seconds
    return abs(step.offered - expected) <= max(UNLIKE * sqrt(max(0.0, expected)), TENTH * expected)
