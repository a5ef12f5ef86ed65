"""How many moves may be under way at once (invariant I3): in the installation, in a namespace of it, and to or from one pool."""

from __future__ import annotations

PERCENT_OF_WORKLOADS = 5
PERCENT_OF_NODES = 10
"""Karpenter's default budget of voluntary disruption for one of its pools."""


def in_all(limit: int | None, workloads: int) -> int:
    """What the installation's configuration says, else a twentieth of its workloads, and at least one."""
    return max(1, workloads * PERCENT_OF_WORKLOADS // 100) if limit is None else limit


def in_namespace(limit: int | None, workloads: int, here: int) -> int:
    """Its part of what the installation may have, by its workloads, and at least one: moves that never end take no place of another namespace."""
    return max(1, in_all(limit, workloads) * here // max(1, workloads))


def in_pool(limit: int | None, nodes: int) -> int:
    """What the installation's configuration says, else a tenth of the pool's nodes, and at least one."""
    return max(1, nodes * PERCENT_OF_NODES // 100) if limit is None else limit
