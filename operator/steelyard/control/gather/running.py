"""The containers of a pod that run all the time: what they ask for together is what the pod holds, with the devices of its ResourceClaims."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from steelyard.api.quantity import number

CLAIMED = "steelyard.dev/claimed"
"""In a spec as it is kept here: devices that the pod holds by ResourceClaims, by resource name (`device_claims.py`). No API server serves it."""
CHOSEN = "steelyard.dev/chosen"
"""The same: of each request with alternatives the one that the pod got."""


def running_together(spec: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Its containers, and its sidecars: init containers that go on (Kubernetes 1.29)."""
    sidecars = (each for each in spec.get("initContainers") or () if each.get("restartPolicy") == "Always")
    return *sidecars, *(spec.get("containers") or ())


def asked_together(spec: Mapping[str, Any]) -> Mapping[str, float]:
    """Their requests by resource name: CPU in cores, memory in bytes, others as they are counted. ValueError where one is no quantity."""
    asked: dict[str, float] = defaultdict(float)
    for container in running_together(spec):
        for name, quantity in ((container.get("resources") or {}).get("requests") or {}).items():
            asked[name] += number(quantity)
    for name, units in (spec.get(CLAIMED) or {}).items():
        asked[name] += units
    return dict(asked)
