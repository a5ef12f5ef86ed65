"""What a capacity is worth that was measured a while ago: the revision is the same, the traffic and the neighbours are not.

A pure function of age: sure while it is young, wider with every day beyond, and never wider than
the claim's prior that it would be without any measurement.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from steelyard.core.facts.capacity import CLAIM_SPREAD, Capacity
from steelyard.core.facts.memory import Known
from steelyard.core.statistics.interval import Interval

SURE_FOR = timedelta(days=7)
"""Age up to which a figure counts as it was measured."""
WIDE_AT = 3
"""Times that age, at which it is as wide as a claim."""


def measured_at(known: Known) -> datetime | None:
    """When what a replica carries was measured last; None where nobody wrote that down."""
    return known.probed or (known.unit_cost.end if known.unit_cost else None)


def old(known: Known, now: datetime) -> bool:
    """Whether the figure is beyond its sure age. One without a date is."""
    at = measured_at(known)
    return at is None or now - at > SURE_FOR


def aged(known: Known, now: datetime) -> Capacity | None:
    """The capacity with the interval that its age leaves it."""
    capacity = known.capacity
    return capacity if capacity is None or not old(known, now) else replace(capacity, rate=widened(capacity.rate, known, now))


def widened(rate: Interval, known: Known, now: datetime) -> Interval:
    """One of its figures, as sure as its age leaves it."""
    if not old(known, now):
        return rate
    at = measured_at(known)
    beyond = 1.0 if at is None else min(1.0, ((now - at) / SURE_FOR - 1) / (WIDE_AT - 1))
    factor = CLAIM_SPREAD**beyond
    lower = min(rate.lower, max(rate.lower / factor, rate.point / CLAIM_SPREAD))
    upper = max(rate.upper, min(rate.upper * factor, rate.point * CLAIM_SPREAD))
    return Interval(rate.point, lower, upper)
