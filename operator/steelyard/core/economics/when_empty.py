"""What becomes of a node that nobody uses, and so what a cost at the margin is made from."""

from __future__ import annotations

from enum import StrEnum

from steelyard.core.facts.snapshot import Pool


class WhenEmpty(StrEnum):
    """What becomes of a pool's node that nobody uses."""

    REMOVED = "Removed"
    """Somebody removes it (Karpenter, Cluster Autoscaler): it is no longer paid."""
    STAYS = "Stays"
    """Nobody provisions the pool's nodes: what is freed is there for others, who would else need more."""
    COMMITTED = "Committed"
    """Reserved: it is paid to the end of the commitment, used or not."""


class CostBasis(StrEnum):
    """What a cost at the margin is made from."""

    NODES = "Nodes"
    """Whole nodes that would be made or be gone."""
    SHARE = "Share"
    """The part of nodes that stay which is kept from others."""
    COMMITTED = "Committed"
    """Nothing, while nodes that are paid for in any case stand idle."""


BASIS = {WhenEmpty.REMOVED: CostBasis.NODES, WhenEmpty.STAYS: CostBasis.SHARE, WhenEmpty.COMMITTED: CostBasis.COMMITTED}


def when_empty(pool: Pool) -> WhenEmpty:
    """Of this pool's nodes."""
    if pool.reserved:
        return WhenEmpty.COMMITTED
    return WhenEmpty.REMOVED if pool.provisioned else WhenEmpty.STAYS
