"""By what a workload and one of its placements are known."""

from __future__ import annotations

from typing import NamedTuple


class WorkloadKey(NamedTuple):
    """Namespace and name."""

    namespace: str
    name: str


class PlacementKey(NamedTuple):
    """Where a workload runs, and what exactly runs there."""

    pool: str
    revision: str
