"""The containers of a pod that run all the time: what they ask for together is what the pod holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def running_together(spec: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Its containers, and its sidecars: init containers that go on (Kubernetes 1.29)."""
    sidecars = (each for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always")
    return *sidecars, *(spec.get("containers") or ())
