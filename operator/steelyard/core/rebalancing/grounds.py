"""What proposals rest on: one value for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from steelyard.core.facts.identity import on_pool
from steelyard.core.facts.memory import Known
from steelyard.core.facts.snapshot import PoolChoice, Snapshot, Traffic
from steelyard.core.planning.choice_price import ChoicePrice, choice_price
from steelyard.core.planning.load import Load
from steelyard.core.planning.option import UNBOUNDED, Option
from steelyard.core.planning.sizing import need
from steelyard.core.rebalancing.bake import bake_seconds, is_proven
from steelyard.core.rebalancing.exposure import drains, steps
from steelyard.core.statistics.interval import Interval
from steelyard.core.statistics.sequential import Test
from steelyard.core.vocabulary.reading import Reading

START_SECONDS = 120
"""Assumed start of a replica where none has been seen: it is paid from its order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """`by_pool`: the options by name; `limits`: of those where it is known. `standing`: replicas wanted, by pool, of all that holds the load;
    `revisions`: what runs there; `good`: good requests behind the figures of each. `primary`: the pool of those that is named first.
    `observation`: the worst reading of all of them. `shows_capacity`: whether the servers that carry the load now tell how busy they are, or what they
    compute at once. `owner`: who else writes the replicas."""

    snapshot: Snapshot
    options: tuple[Option, ...]
    by_pool: Mapping[str, Option]
    limits: Mapping[str, float]
    standing: Mapping[str, int]
    revisions: Mapping[str, str]
    good: Mapping[str, int]
    primary: str
    load: Load
    promise: Test
    observation: Reading[Traffic]
    shows_capacity: bool
    owner: str | None
    now: datetime

    def option(self, pool: str) -> Option | None:
        """The pool as an option."""
        return self.by_pool.get(pool)

    def choice(self, pool: str) -> PoolChoice:
        """What the workload says of the pool."""
        return self.snapshot.workload.choice(pool)

    @property
    def dearest(self) -> Option | None:
        """Of the pools that hold a part of the load, the one where most money goes."""
        found = [o for pool in self.standing if (o := self.by_pool.get(pool)) is not None]
        return max(found, key=lambda o: (self.price(o).of(self.standing[o.pool]), o.pool == self.primary, o.pool), default=None)

    def beside(self, option: Option) -> Option | None:
        """Of the other pools that hold a part of the load, the one with the most replicas."""
        others = [pool for pool, count in self.standing.items() if count and pool != option.pool and pool in self.by_pool]
        return self.by_pool[max(others, key=lambda pool: (self.standing[pool], pool))] if others else None

    @property
    def replicas(self) -> int:
        """Of all pools."""
        return sum(self.standing.values())

    def may_have_one(self, option: Option) -> bool:
        """The user's limit on spot leaves room for one more replica there."""
        percent = self.snapshot.workload.max_spot_percent
        return not option.candidate.pool.spot or percent * (self.replicas + 1) >= 100

    def dual_hours(self, replicas: int, target: Option | None = None) -> float:
        """How long replicas that are added run beside the source: a start and a window for each time that some join, the bake, and on average
        half of the drain of as many, a step a window."""
        policy = self.snapshot.workload.rebalancing
        known = self._known(target) if target is not None else None
        surges = steps(self.replicas, max(1, replicas), proven=is_proven(known, self.now))
        drain = drains(replicas, replicas) * policy.window_seconds / 2
        bake = bake_seconds(policy, known, self.now)
        start = START_SECONDS if target is None else self.start_seconds(target)
        return (surges * (start + policy.window_seconds) + bake + drain) / 3600

    def start_seconds(self, option: Option) -> float:
        """From the order of a replica there to its first ready moment, as it was measured, else an assumption."""
        return START_SECONDS if option.start_seconds is None else option.start_seconds

    def _revision(self, option: Option) -> str | None:
        return self.revisions.get(option.pool, option.candidate.revision)

    def _known(self, option: Option) -> Known | None:
        revision = self._revision(option)
        return self.snapshot.memory.of(option.pool, revision) if revision is not None else None

    @property
    def amortised(self) -> float:
        """Part of a replica's hourly cost that its move costs per hour of the payback time."""
        payback = timedelta(seconds=self.snapshot.workload.rebalancing.payback_seconds)
        return self.dual_hours(1) / max(1e-9, payback / timedelta(hours=1))

    def planned(self, pool: str) -> int | None:
        """Replicas that the fleet's plan has for the workload on the pool; None where it has nothing to say: it plans a workload that starts no move
        where it stands."""
        replicas = self.snapshot.target.replicas if self.snapshot.target else None
        silent = replicas is None or (self.snapshot.workload.advisory and not self.standing.get(pool))
        return None if silent or replicas is None else replicas.get(on_pool(pool), 0)

    def price(self, option: Option) -> ChoicePrice:
        """What replicas there cost as a choice."""
        pool = option.candidate.pool.of
        return choice_price(option.each or 0.0, option.node_part, pool, self.snapshot.target, self._on(pool))

    def room(self, option: Option) -> int:
        """Replicas that there may be at this place: what others leave, and where one is free, what the workload's other variants on the pool leave as
        these come."""
        stands = self.standing.get(option.pool, 0)
        return option.room + (self._on(option.candidate.pool.of) - stands if option.room > stands else 0)

    def _on(self, pool: str) -> int:
        """Replicas that stand there, of all variants."""
        return sum(count for place, count in self.standing.items() if on_pool(place) == pool)

    def cost(self, option: Option) -> Interval | None:
        """Money per hour, as a choice, of the replicas there that carry usual loads alone, over the interval of their capacity; None without
        figures."""
        if (rate := option.carries) is None:
            return None
        return Interval(self.cost_at(option, rate.point), self.cost_at(option, rate.upper), self.cost_at(option, rate.lower))

    def cost_at(self, option: Option, capacity: float) -> float:
        """The same at one capacity of a replica."""
        price, least = self.price(option), max(self.snapshot.workload.scaling.least, self.choice(option.pool).minimum)
        usual = self.load.usual
        return sum(price.of(need(rate, capacity, least, UNBOUNDED)) for rate in usual) / len(usual)

    @property
    def turn(self) -> bool:
        """Whether the fleet's plan lets the workload begin a move now; so does none."""
        return self.snapshot.target is None or self.snapshot.target.turn

    def frees(self, pool: str) -> bool:
        """Whether a replica that goes from there is what a workload lacks that is not served."""
        target = self.snapshot.target
        if target is None or target.replicas is None or on_pool(pool) not in target.lacked:
            return False
        return self._on(on_pool(pool)) > target.replicas.get(on_pool(pool), 0)

    def scarcity(self, pool: str) -> float:
        """Money per hour that one node of the pool is worth to other workloads."""
        return self.snapshot.target.scarcity.get(on_pool(pool), 0.0) if self.snapshot.target else 0.0
