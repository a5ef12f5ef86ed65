"""Numbers as Kubernetes writes them."""

from __future__ import annotations

from steelyard.core.facts.resources import Resources
from steelyard.render.manifest import Manifest


def cpu(cores: float) -> str:
    """Cores as millicores, so that no digit is lost: 0.25 -> "250m"."""
    return f"{round(cores * 1000)}m"


def memory(gib: float) -> str:
    """GiB as mebibytes: 0.5 -> "512Mi"."""
    return f"{round(gib * 1024)}Mi"


def requests_equal_limits(resources: Resources, resource_name: str | None, disk_gib: float) -> Manifest:
    """Requests equal limits: what is paid for is what can be used, and the share of the node is exact. A pod that takes more of the node's disk
    than `disk_gib` is evicted, and no neighbour in its place."""
    parts = {"cpu": cpu(resources.cpu), "memory": memory(resources.memory_gib), "ephemeral-storage": memory(disk_gib)}
    if resource_name and resources.devices:
        parts[resource_name] = str(round(resources.devices))
    return {"requests": dict(parts), "limits": dict(parts)}
