"""What the status of a trial says of one pool, as those have it who reckon with it."""

from __future__ import annotations

from steelyard.core.facts.capacity import Basis, Capacity
from steelyard.status.read.trial import TrialLength, TrialPool
from steelyard.status.value import interval, real, word


def remembered_capacity(told: TrialPool | TrialLength) -> Capacity | None:
    """None where one of its figures is not told, or is not above 0."""
    rate, basis = interval(told.capacity, told.capacity_lower, told.capacity_upper), word(Basis, told.capacity_basis)
    return None if rate is None or rate.lower <= 0 or basis is None else Capacity(rate, basis, told.capacity_requests or 0)


def remembered_price(told: TrialPool) -> float | None:
    """Money per hour of one replica. None where it is not told, or is no price."""
    each = real(told.price_per_hour)
    return each if each is not None and each > 0 else None
