"""When too many nodes are unready, and when they have been ready for long enough again.

The moment of the change is remembered in the pool's status, so that a restart does not forget it and nothing is written while
nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from steelyard.core.facts.snapshot import Pool, TooManyUnready

POOL_PERCENT = 20
"""Karpenter's limit for node repair."""
CLUSTER_PERCENT = 45
"""Cluster Autoscaler's limit, above three nodes."""
CALM = timedelta(minutes=10)
"""How long the nodes have to be well before anything voluntary begins again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadyNodes:
    """Nodes and unready ones of one pool and of all together, without those that were never ready yet. `last`: when too many were unready the
    last time, as far as it is remembered."""

    pool_nodes: int
    pool_unready: int
    nodes: int
    unready: int
    last: TooManyUnready | None = None

    @property
    def excess(self) -> str | None:
        """How many of how many nodes are unready, where that is too many; None where it is not."""
        if self.pool_nodes and self.pool_unready * 100 > POOL_PERCENT * self.pool_nodes:
            return f"{self.pool_unready} of {self.pool_nodes} nodes of the pool are unready"
        if self.unready > 0 and self.nodes > 3 and self.unready * 100 > CLUSTER_PERCENT * self.nodes:
            return f"{self.unready} of all {self.nodes} nodes are unready"
        return None

    def remembered(self, now: datetime) -> TooManyUnready | None:
        """What the pool's status says after this look; the same as before while nothing changes."""
        if self.excess:
            return TooManyUnready(started=now) if self.last is None else replace(self.last, ended=None)
        if self.last is None or self.last.ended is None:
            return self.last and replace(self.last, ended=now)
        return self.last if now < self.last.ended + CALM else None


def unready_nodes(pool: Pool | None, pools: Iterable[Pool]) -> UnreadyNodes:
    """As a snapshot shows it for one pool."""
    every = tuple(pools)
    return UnreadyNodes(
        pool_nodes=pool.nodes - pool.starting_nodes if pool else 0,
        pool_unready=pool.unready_nodes - pool.starting_nodes if pool else 0,
        nodes=sum(p.nodes - p.starting_nodes for p in every),
        unready=sum(p.unready_nodes - p.starting_nodes for p in every),
        last=pool.too_many_unready if pool else None,
    )
