"""Labels and annotations: what belongs to whom. Selectors carry `role: serving`, so that other pods never join a Service."""

from __future__ import annotations

from steelyard.core.facts.identity import PlacementKey, WorkloadKey

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "steelyard"
WORKLOAD = "steelyard.dev/workload"
POOL = "steelyard.dev/pool"
REVISION = "steelyard.dev/revision"
ROLE = "steelyard.dev/role"
COMPILED_MODEL = "steelyard.dev/compiled-model"
SERVING = "serving"
COMPILE = "compile"
PROBE = "probe"
SERVERS = frozenset({SERVING, PROBE})
"""The roles of pods with a server of a placement in them."""
SERVER = "steelyard.dev/server"
"""On pods of a program of the user's own, which are read by its metrics."""
CUSTOM = "custom"
FETCHES = "steelyard.dev/fetches"
"""On pods that download a model themselves: a NetworkPolicy of their own lets them out to it."""
MOVE = "steelyard.dev/move"
TRIAL = "steelyard.dev/trial"

ASKED = "steelyard.dev/asked"
"""Annotation: hash of what the user asked for when the Deployment was made."""
ARTIFACT = "steelyard.dev/artifact-digest"
"""Annotation: digest of the artifact that the replicas load."""


def of_workload(workload: WorkloadKey) -> dict[str, str]:
    """On everything that is rendered for a workload."""
    return {MANAGED_BY: MANAGER, WORKLOAD: workload.name}


def of_placement(workload: WorkloadKey, key: PlacementKey) -> dict[str, str]:
    """On the Deployment, the Service and the pods of a placement."""
    return {**of_workload(workload), POOL: key.pool, REVISION: key.revision, ROLE: SERVING}


def of_custom(*, fetches: bool) -> dict[str, str]:
    """On pods with a program of the user's own, beside those of their placement."""
    return {SERVER: CUSTOM, **({FETCHES: "model"} if fetches else {})}


def of_probe(workload: WorkloadKey, key: PlacementKey, move: str) -> dict[str, str]:
    """On the Job and the pod of a probe: those of its placement, but for the role, which no Service selects."""
    return {**of_placement(workload, key), ROLE: PROBE, MOVE: move}


def of_trial(workload: WorkloadKey, key: PlacementKey, trial: str) -> dict[str, str]:
    """On a Job of an AcceleratorTrial and its pod: those of a probe, but for whose it is."""
    return {**of_placement(workload, key), ROLE: PROBE, TRIAL: trial}


def serving(workload: WorkloadKey) -> dict[str, str]:
    """All serving pods of a workload."""
    return {WORKLOAD: workload.name, ROLE: SERVING}


def selector(workload: WorkloadKey, key: PlacementKey) -> dict[str, str]:
    """Exactly the serving pods of one placement."""
    return {**serving(workload), POOL: key.pool, REVISION: key.revision}
