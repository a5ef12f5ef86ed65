"""How much of a node's price is reported as one container's. Conservation holds by construction: shares and idle sum to the node's price.

For reports alone: what a decision counts is `replica_price.py`.

Formula (OpenCost specification, appendix on node prices): fixed weights per CPU core, GiB and accelerator are normalised so that the
whole node costs its price; a container pays its part of each, whole devices for accelerators. On a node with accelerators the devices
are what is bought: they carry DEVICE_WEIGHT each, which dwarfs the host's parts but leaves them a fair remainder.
"""

from __future__ import annotations

from collections.abc import Mapping

from steelyard.core.facts.resources import Resources


def share(container: Resources, node: Resources) -> float:
    """Fraction of the node's price that `container` pays, in [0, 1]. `node` is allocatable capacity. ValueError on an empty node."""
    if node.weight <= 0:
        raise ValueError("a node without resources has no price to share: give its shape devices, cpu and memory")
    return min(1.0, container.weight / node.weight)


def attribute(containers: Mapping[str, Resources], node: Resources, cost: float) -> tuple[Mapping[str, float], float]:
    """Split `cost` of one node over its containers: (cost by container, idle cost).

    Oversubscription is scaled so that shares never exceed 1; sum of all parts equals `cost` up to rounding of floats.
    """
    shares = {name: share(resources, node) for name, resources in sorted(containers.items())}
    total = sum(shares.values())
    scale = 1.0 if total <= 1.0 else 1.0 / total
    parts = {name: cost * each * scale for name, each in shares.items()}
    return parts, max(0.0, cost - sum(parts.values()))
