"""What proposals rest on: one value for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from steelyard.core.facts.snapshot import PoolChoice, Snapshot, Traffic
from steelyard.core.planning.load import Load
from steelyard.core.planning.option import Option
from steelyard.core.statistics.sequential import Test
from steelyard.core.vocabulary.reading import Reading

START_SECONDS = 60
"""Assumed start of a replica where none has been seen: it is paid from its order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """`standing`: replicas wanted, by pool, of all that holds the load; `revisions`: what runs there; `good`: good requests behind the figures of
    each. `primary`: the pool of those that is named first. `observation`: the worst reading of all of them. `owner`: who else writes the replicas."""

    snapshot: Snapshot
    options: tuple[Option, ...]
    standing: Mapping[str, int]
    revisions: Mapping[str, str]
    good: Mapping[str, int]
    primary: str
    load: Load
    promise: Test
    observation: Reading[Traffic]
    owner: str | None
    now: datetime

    def option(self, pool: str) -> Option | None:
        """The pool as an option."""
        return next((o for o in self.options if o.pool == pool), None)

    def choice(self, pool: str) -> PoolChoice:
        """What the workload says of the pool."""
        return self.snapshot.workload.pools.get(pool, PoolChoice())

    @property
    def replicas(self) -> int:
        """Of all pools."""
        return sum(self.standing.values())

    def dual_hours(self, replicas: int) -> float:
        """How long one added replica runs beside the source: start, a window for each step up and down, the bake."""
        policy = self.snapshot.workload.rebalancing
        return (replicas * (START_SECONDS + policy.window_seconds) + policy.bake_seconds) / 3600

    @property
    def amortised(self) -> float:
        """Part of a replica's hourly cost that its move costs per hour of the payback time."""
        payback = timedelta(seconds=self.snapshot.workload.rebalancing.payback_seconds)
        return self.dual_hours(1) / max(1e-9, payback / timedelta(hours=1))

    def planned(self, pool: str) -> int | None:
        """Replicas that the fleet's plan has for the workload on the pool; None where it has nothing to say."""
        replicas = self.snapshot.target.replicas if self.snapshot.target else None
        return None if replicas is None else replicas.get(pool, 0)

    def price(self, option: Option) -> float:
        """Money per hour of a replica as a choice: its own cost and, where one stands, what its part of a scarce node is worth to others."""
        worth = self.scarcity(option.pool) / max(1, option.a_node) if self.standing.get(option.pool) else 0.0
        return (option.each or 0.0) + worth

    def scarcity(self, pool: str) -> float:
        """Money per hour that one node of the pool is worth to other workloads."""
        return self.snapshot.target.scarcity.get(pool, 0.0) if self.snapshot.target else 0.0
