"""What sizing may miss: the law of lateness of what serves now, and the part of the objective's misses that it may spend. What the last hour really
missed is fed back to both: to the law where it misses more or less than it says, to the budget where that was not spent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Known
from steelyard.core.facts.snapshot import Promise, Workload
from steelyard.core.facts.window import Window
from steelyard.core.performance.capacity import RHO, busy_at_capacity
from steelyard.core.performance.lateness import FULL, Lateness
from steelyard.core.planning.reserve import Risk

LOOKED_BACK = timedelta(hours=1)
"""Of windows whose misses are fed back."""
CLUSTER = 50
"""Requests that one accident of a queue makes late together: so many more or fewer say nothing of the law, or of the budget."""
LEAST = 0.25
"""Times what the law expects, that it is lowered to: an hour that missed less says nothing of the next overload."""


def risk(
    workload: Workload,
    serving: Mapping[PlacementKey, Sequence[Window]],
    sound: Mapping[PlacementKey, Sequence[Window]],
    known: Mapping[PlacementKey, Known],
) -> Risk:
    """From the windows of every placement that serves, those of them without crash and backlog, and what is known of each."""
    most = max(serving, key=lambda key: (sum(w.offered for w in serving[key]), key), default=None)
    lateness = Lateness(allowed=workload.allowed, busy=RHO if most is None else _busy(serving[most], workload.promise, known.get(most)))
    capacities = {key: c.rate.point for key in serving if key in known and (c := known[key].capacity) and not c.at_least}
    lately = [(capacities[key], w) for key in sorted(capacities) for w in _lately(sound[key], serving[key][-1:])]
    told = _told(lateness, lately)
    return Risk(
        lateness=replace(lateness, correction=told.correction),
        budget=min(1.0, workload.error_budget * told.left(workload.error_budget)),
        usual=workload.error_budget,
        each=capacities.get(most, 0.0) if most is not None else 0.0,
    )


def _busy(windows: Sequence[Window], promise: Promise, known: Known | None) -> float:
    """Of a replica at its capacity: as its server tells, else as it was found to be full at. One that works on many requests at once keeps the promise
    until it is nearly full, and has hardly anything to spare there."""
    told = busy_at_capacity(windows, promise)
    if told is not None:
        return told
    if known is None or known.capacity is None or known.saturation is None:
        return RHO
    return min(FULL, known.capacity.rate.point / known.saturation.rate.point)


def _lately(sound: Sequence[Window], newest: Sequence[Window]) -> list[Window]:
    """Those within LOOKED_BACK of the newest window, if there is one."""
    if not newest:
        return []
    first = newest[-1].end - LOOKED_BACK
    return [w for w in sound if w.end > first and w.replica_seconds > 0 and w.offered > 0]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """Requests of the last hour. allowed: that might miss the objective; expected: of the law, at the loads that there were."""

    missed: float = 0.0
    expected: float = 0.0
    allowed: float = 0.0

    @property
    def correction(self) -> float:
        """How many times as many were missed as the law expects. More may have another cause than the load: as many as the objective allows say
        little."""
        prior = self.allowed if self.missed > self.expected else min(self.allowed, CLUSTER)
        return max(LEAST, (self.missed + prior) / (self.expected + prior)) if prior > 0 else 1.0

    def left(self, budget: float) -> float:
        """What may be spent in the next hour, as a multiple of the budget: what this one left of it is added."""
        mean = budget * self.allowed
        return 1 + max(0.0, mean - self.missed) / (mean + CLUSTER)


def _told(lateness: Lateness, lately: Sequence[tuple[float, Window]]) -> _Told:
    """lately: (capacity, window)."""
    if not lately:
        return _Told()
    offered = np.array([w.offered for _, w in lately], dtype=float)
    late = lateness.late([w.offered / (w.replica_seconds * capacity) for capacity, w in lately])
    return _Told(
        missed=float(sum(w.late for _, w in lately)),
        expected=float((offered * late).sum()),
        allowed=lateness.allowed * float(offered.sum()),
    )
