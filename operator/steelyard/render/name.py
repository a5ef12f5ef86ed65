"""Names of everything that is rendered: deterministic, so that a second create of the same thing is no second thing."""

from __future__ import annotations

from steelyard.core.facts.identity import PlacementKey, WorkloadKey


def placement(workload: WorkloadKey, key: PlacementKey) -> str:
    """Deployment and Service of a placement: `<workload>-<pool>-<revision>`. The API bounds the parts (32 + 20 + 8 and two dashes)."""
    return f"{workload.name}-{key.pool}-{key.revision}"


def front(workload: WorkloadKey) -> str:
    """The stable Service that clients use, and the PodDisruptionBudget of what answers them."""
    return workload.name


def compiled_model(backend: str, compile_key: str) -> str:
    """One object a key and namespace."""
    return f"{backend}-{compile_key[:16]}"


def compile_job(compiled: str, attempt: int) -> str:
    """A new name an attempt: a Job's template cannot change."""
    return f"{compiled}-{attempt}"
