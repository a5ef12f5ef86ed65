"""What sizing may miss: the law of lateness of what serves now, corrected by what was really missed, and the part of the objective's misses that it
may spend."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from steelyard.core.facts.capacity import Capacity
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.snapshot import Workload
from steelyard.core.facts.window import Window
from steelyard.core.performance.capacity import busy_at_capacity
from steelyard.core.performance.lateness import Lateness
from steelyard.core.planning.reserve import Risk

LOOKED_BACK = 3600.0
"""Seconds of windows whose misses correct the law."""


def risk(
    workload: Workload,
    serving: Mapping[PlacementKey, Sequence[Window]],
    sound: Mapping[PlacementKey, Sequence[Window]],
    capacities: Mapping[PlacementKey, Capacity],
) -> Risk:
    """From the windows of every placement that serves, those of them without crash and backlog, and the capacities that are remembered."""
    most = max(serving, key=lambda key: (sum(w.offered for w in serving[key]), key), default=None)
    busy = busy_at_capacity(serving[most] if most is not None else (), workload.promise)
    lateness = Lateness(allowed=workload.allowed, busy=busy)
    known = {key: c.rate.point for key, c in capacities.items() if key in serving and not c.at_least}
    lately = ((known[key], w) for key in sorted(known) for w in _lately(sound[key], serving[key][-1:]))
    return Risk(lateness=replace(lateness, correction=_correction(lateness, lately)), budget=workload.error_budget)


def _lately(sound: Sequence[Window], newest: Sequence[Window]) -> list[Window]:
    """Those within LOOKED_BACK of the newest window, if there is one."""
    used = (w for w in sound if w.replica_seconds > 0 and w.offered > 0)
    return [w for w in used for last in newest if (last.end - w.end).total_seconds() < LOOKED_BACK]


def _correction(lateness: Lateness, lately: Iterable[tuple[float, Window]]) -> float:
    """How many times as many were missed as the law expects, with as many that are as expected as the objective allows: a few requests say
    little."""
    seen = list(lately)
    if not seen:
        return 1.0
    offered = np.array([w.offered for _, w in seen], dtype=float)
    late = lateness.late([w.offered / (w.replica_seconds * capacity) for capacity, w in seen])
    missed = sum(w.slow + w.shed for _, w in seen)
    expected, allowed = float((offered * late).sum()), lateness.allowed * float(offered.sum())
    return (missed + allowed) / (expected + allowed) if allowed > 0 else 1.0
