"""What is known of a pool's replicas under one software. New software begins a new epoch: what was known is its prior, and known less well.

The revision is a hash of all that makes a replica behave, so a new one is a new epoch. Until its own windows tell, a replica is taken to
carry what the last one carried.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from math import exp, hypot, log

from steelyard.core.facts.capacity import Basis, Capacity
from steelyard.core.facts.memory import Known
from steelyard.core.performance.ageing import aged
from steelyard.core.performance.capacity import REVISION_SPREAD
from steelyard.core.statistics.interval import Interval


def inherited(older: Known, now: datetime) -> Capacity | None:
    """Requests per second and replica that a revision without figures is taken to carry, by what an older one on the same pool carried: as sure
    as its age leaves that, and a REVISION_SPREAD less sure. It rests on no request of its own. None where the older one has no capacity."""
    before = aged(older, now)
    return before and replace(before, rate=_less_sure(before.rate), basis=Basis.CLAIMED, n=0)


def _less_sure(rate: Interval) -> Interval:
    lower = rate.point / _apart(rate.point / rate.lower) if rate.lower > 0 else 0.0
    upper = rate.point * _apart(rate.upper / rate.point) if rate.point > 0 else rate.upper
    return Interval(rate.point, lower, upper)


def _apart(factor: float) -> float:
    """The factor by which a figure may be off that was off by so much before: what was not known and what the change adds are independent, and
    the squares of their logarithms add."""
    return exp(hypot(log(factor), log(REVISION_SPREAD)))
