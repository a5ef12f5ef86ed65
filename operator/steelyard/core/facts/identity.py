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
    """Where a workload runs, and what exactly runs there. `pool`: its name, or a place on it where another variant of the model runs."""

    pool: str
    revision: str


def place(pool: str, variant: str) -> str:
    """What a variant of the model on a pool is called, beside the pool's own name for the model as it is compiled without one."""
    return f"{pool}.{variant}" if variant else pool


def on_pool(place: str) -> str:
    """The pool of a place. No name of a pool has a dot in it."""
    return place.partition(".")[0]


def of_variant(place: str) -> str:
    """The variant of a place; empty for the pool's own."""
    return place.partition(".")[2]
