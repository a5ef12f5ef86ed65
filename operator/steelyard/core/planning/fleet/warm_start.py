"""What one plan leaves to the next: most of a fleet is the same a minute later."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from steelyard.core.planning.fleet.columns import Columns
from steelyard.core.planning.fleet.fleet import SHARED, Fleet, Index, Reals, Whole


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmStart:
    """The fleet planned for, the plan (W, P), the columns met, and the prices with each workload's least (W,) reduced cost there."""

    fleet: Fleet
    replicas: Whole
    columns: Columns
    prices: Reals
    least: Reals


def changed(before: Fleet, now: Fleet) -> Index | None:
    """Workloads of which any figure differs; None where the two cannot be compared. What is shared may have other limits."""
    if before.capacity.shape != now.capacity.shape or before.money.size != now.money.size:
        return None
    if not (np.array_equal(np.isfinite(before.limits), np.isfinite(now.limits)) and np.array_equal(before.spot, now.spot)):
        return None
    if not np.array_equal(before.family, now.family):
        return None
    differs = np.zeros(now.workloads, dtype=np.bool_)
    for field in fields(Fleet):
        if field.name not in SHARED:
            old, new = getattr(before, field.name), getattr(now, field.name)
            differs |= (old != new).reshape(now.workloads, -1).any(axis=1)
    return np.flatnonzero(differs)
