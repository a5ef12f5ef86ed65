"""A serving pod as the cluster tells it: what `control` knows and `observe` reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from steelyard.core.economics.attribution import Resources
from steelyard.core.snapshot import PlacementKey, WorkloadKey


@dataclass(frozen=True, slots=True, kw_only=True)
class PodFacts:
    """One serving pod, living, terminating or just gone.

    `created`: when it began to be paid: bound to a node. `ended`: when its container ended for good. `cost_per_hour`: its share of its
    node's price, None while that is unknown, 0 while it has no node. `cpu_limit` in cores, for pools without accelerators. `node` and
    `resources`: where it is and what it asked for, for the ledger.
    `termination_message`: the final counters that the server left.
    """

    uid: str
    name: str
    namespace: str
    workload: WorkloadKey
    placement: PlacementKey
    address: str | None
    metrics_port: int
    ready: bool
    created: datetime
    started: datetime | None
    deleting: bool
    ended: datetime | None
    termination_message: str | None
    cost_per_hour: float | None
    cpu_limit: float | None
    phase: str
    node: str | None = None
    resources: Resources = field(default_factory=lambda: Resources(0.0, 0.0))
