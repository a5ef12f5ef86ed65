"""Names of everything that is rendered: deterministic, so that a second create of the same thing is no second thing."""

from __future__ import annotations

import hashlib

from steelyard.core.facts.identity import PlacementKey, WorkloadKey, on_pool

LENGTHS = "0123456789abcdefghijklmnopqrstuvwxyz"


def placement(workload: WorkloadKey, key: PlacementKey) -> str:
    """Deployment and Service of a new placement: `<workload>-<pool>-<revision>`, then the length of the workload's name as one digit to base 36.

    Names have dashes in them: without the length, workload `chat` on pool `gpu-a10` would be named like `chat-gpu` on `a10`. The API bounds
    the parts to 32 + 20 + 8, so that the whole fits into the 63 characters of a Service's name. What stands keeps the name that it has, also
    one of an older version without the digit: a new name would be new pods. Variants on a pool are told apart by their revisions.
    """
    return f"{workload.name}-{on_pool(key.pool)}-{key.revision}{LENGTHS[len(workload.name) % len(LENGTHS)]}"


def probe_job(workload: WorkloadKey, key: PlacementKey, move: str) -> str:
    """A Job of its own for each move and placement: its template cannot change."""
    told = hashlib.sha256("\n".join((key.pool, key.revision, move)).encode()).hexdigest()
    return f"{workload.name}-probe-{told[:10]}"


def capacity_request(workload: WorkloadKey, key: PlacementKey, move: str) -> str:
    """Of the ProvisioningRequest of a move and of its PodTemplate: neither can change."""
    told = hashlib.sha256("\n".join((key.pool, key.revision, move)).encode()).hexdigest()
    return f"{workload.name}-ask-{told[:10]}"


def trial_job(trial: str, pool: str) -> str:
    """A Job of its own for each pool of an AcceleratorTrial."""
    return f"{trial}-{hashlib.sha256(pool.encode()).hexdigest()[:10]}"


def scale_target(workload: WorkloadKey, pool: str) -> str:
    """One for a workload and pool, whatever runs there. Neither name has a dot in it, and a custom resource may: people write this name."""
    return f"{workload.name}.{pool}"


def inference_pool(workload: WorkloadKey, pool: str) -> str:
    """One for a workload and pool, whatever runs there; without a pool, the one for all. People write this name where they run its endpoint picker, and
    gateways make Services of it, so that it has no dot. Where two workloads come to the same name, the second is told that it is taken."""
    return f"{workload.name}-{pool}" if pool else workload.name


def front(workload: WorkloadKey) -> str:
    """The stable Service that clients use, and the PodDisruptionBudget of what answers them."""
    return workload.name


def compiled_model(backend: str, compile_key: str) -> str:
    """One object a key and namespace."""
    return f"{backend}-{compile_key[:16]}"


def compile_job(compiled: str, attempt: int) -> str:
    """A new name an attempt: a Job's template cannot change."""
    return f"{compiled}-{attempt}"
