"""What a ScaleTarget asks for."""

from __future__ import annotations

from steelyard.control.kube.manifest import Manifest


def asked_of(raw: Manifest) -> tuple[str, int]:
    """The pool, and the replicas there."""
    spec = raw["spec"]
    return str(spec["pool"]), int(spec["replicas"])
