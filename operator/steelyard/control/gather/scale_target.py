"""What a ScaleTarget asks for."""

from __future__ import annotations

from steelyard.control.kube.manifest import Manifest


def asked_of(raw: Manifest, workload: str) -> tuple[str, int] | None:
    """The pool, and the replicas there; None of one that says it is another workload's."""
    spec = raw["spec"]
    return (str(spec["pool"]), int(spec["replicas"])) if spec["workloadName"] == workload else None
