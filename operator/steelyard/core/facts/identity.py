"""By what a workload and one of its placements are known."""

from __future__ import annotations

from typing import NamedTuple


class WorkloadKey(NamedTuple):
    """Namespace and name."""

    namespace: str
    name: str


class TrialKey(NamedTuple):
    """An AcceleratorTrial of the workload's namespace: by its name people know it, by its uid it is told from one that had the name before."""

    name: str
    uid: str


class PlacementKey(NamedTuple):
    """Where a workload runs, and what exactly runs there."""

    pool: str
    revision: str
