"""What a replica of a trial carries, by the steps that it was sent."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.core.facts.capacity import Capacity
from steelyard.core.facts.probe import ProbeStep
from steelyard.core.facts.snapshot import Workload
from steelyard.core.performance.probe_steps import is_kept, told
from steelyard.core.performance.ramp import probed_capacity

FEW = 30
"""Requests at loads that kept the objective, below which they say nothing."""


def carried(steps: Sequence[ProbeStep], workload: Workload) -> Capacity | None:
    """Requests per second at which the objective is just kept; None where it was missed at any load, or so few were in time that it may be chance."""
    capacity = probed_capacity(steps, workload.allowed, workload.latency)
    if capacity is None or sum(s.offered for s in told(steps) if is_kept(s, workload.allowed)) < FEW:
        return None
    return capacity
