"""Labels and annotations: what belongs to whom. Selectors carry `role: serving`, so that other pods never join a Service."""

from __future__ import annotations

from collections.abc import Mapping

from steelyard.core.facts.identity import PlacementKey, WorkloadKey, of_variant, on_pool, place

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "steelyard"
WORKLOAD = "steelyard.dev/workload"
POOL = "steelyard.dev/pool"
VARIANT = "steelyard.dev/variant"
"""Beside the pool, where another variant of the model runs than the pool's own."""
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
QUEUE = "kueue.x-k8s.io/queue-name"
"""Kueue's own, on what is counted by the quota of a LocalQueue."""

ASKED = "steelyard.dev/asked"
"""Annotation: hash of what the user asked for when the Deployment was made."""
ARTIFACT = "steelyard.dev/artifact-digest"
"""Annotation: digest of the artifact that the replicas load."""


def of_workload(workload: WorkloadKey) -> dict[str, str]:
    """On everything that is rendered for a workload."""
    return {MANAGED_BY: MANAGER, WORKLOAD: workload.name}


def of_placement(workload: WorkloadKey, key: PlacementKey) -> dict[str, str]:
    """On the Deployment, the Service and the pods of a placement."""
    return {**of_workload(workload), **_place(key), REVISION: key.revision, ROLE: SERVING}


def _place(key: PlacementKey) -> dict[str, str]:
    variant = of_variant(key.pool)
    return {POOL: on_pool(key.pool), **({VARIANT: variant} if variant else {})}


def key_of(labels: Mapping[str, str]) -> PlacementKey:
    """Of which placement an object is, with nothing where its labels do not say."""
    return PlacementKey(place(labels.get(POOL, ""), labels.get(VARIANT, "")), labels.get(REVISION, ""))


def of_custom(*, fetches: bool) -> dict[str, str]:
    """On pods with a program of the user's own, beside those of their placement."""
    return {SERVER: CUSTOM, **({FETCHES: "model"} if fetches else {})}


def of_queue(queue: str | None) -> dict[str, str]:
    """On pods that are counted by a quota, and on the Deployment that makes them, where Kueue looks first; nothing without a queue."""
    return {QUEUE: queue} if queue else {}


def of_probe(workload: WorkloadKey, key: PlacementKey, move: str) -> dict[str, str]:
    """On the Job and the pod of a probe: those of its placement, but for the role, which no Service selects."""
    return {**of_placement(workload, key), ROLE: PROBE, MOVE: move}


def of_capacity(workload: WorkloadKey, key: PlacementKey, move: str) -> dict[str, str]:
    """On what a move asks for capacity with: those of its placement, but for the role, since no pod is of it."""
    return {part: value for part, value in of_placement(workload, key).items() if part != ROLE} | {MOVE: move}


def of_trial(workload: WorkloadKey, key: PlacementKey, trial: str) -> dict[str, str]:
    """On a Job of an AcceleratorTrial and its pod: those of a probe, but for whose it is."""
    return {**of_placement(workload, key), ROLE: PROBE, TRIAL: trial}


def serving(workload: WorkloadKey) -> dict[str, str]:
    """All serving pods of a workload."""
    return {WORKLOAD: workload.name, ROLE: SERVING}


def selector(workload: WorkloadKey, key: PlacementKey) -> dict[str, str]:
    """Exactly the serving pods of one placement."""
    return {**serving(workload), **_place(key), REVISION: key.revision}
