"""The nodes of one pool: those that stand, those that are made when replicas wait, and how they are lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import ceil, inf

import numpy as np

from steelyard.core.facts.resources import Resources
from steelyard.simulate.event import EventKind
from steelyard.simulate.happening import Happening
from steelyard.simulate.node import Node
from steelyard.simulate.pool_entry import PoolEntry, Scheduling

NOTICE = 120.0
"""Seconds between the notice of a reclaim and the loss of the node (AWS, interruption notices of Spot Instances)."""
FIRST_BACKOFF = 180.0
LONGEST_BACKOFF = 3600.0


class Nodes:
    """Of one pool."""

    def __init__(self, pool: PoolEntry, begin: float, numbers: Iterator[int], chance: np.random.Generator) -> None:
        self.pool = pool
        self.size = Resources(pool.cpu, pool.memory_gib, float(pool.devices))
        self._roomy = Resources(*(part * (1 + 1e-9) for part in _parts(self.size)))  # Sums of thirds fit.
        self._numbers = numbers
        self._chance = chance
        self._failures = 0
        self._again_at = -inf
        self.exhausted_until: float | None = None
        self.all: list[Node] = [self._node(begin, begin, standing=True) for _ in range(pool.nodes)]

    def registered(self, now: float) -> list[Node]:
        """Nodes that the cluster knows."""
        return [n for n in self.all if n.ready_at <= now]

    def answering(self, now: float) -> list[Node]:
        """Nodes that take replicas."""
        return [n for n in self.all if n.ready_at <= now and n.answering and n.lost_at is None]

    def counts(self, now: float) -> tuple[int, int, float | None]:
        """What a watch would tell of: nodes, those that take replicas, and the pool's status."""
        return len(self.registered(now)), len(self.answering(now)), self.exhausted_until

    def room(self, asked: Resources, now: float) -> Node | None:
        """The fullest node that still holds it, or the emptiest; of several the oldest."""
        fitting, sign = [], 1 if self.pool.scheduling is Scheduling.PACKED else -1
        for node in self.answering(now):
            used = node.used
            whole = Resources(used.cpu + asked.cpu, used.memory_gib + asked.memory_gib, used.devices + asked.devices)
            if whole.fits(self._roomy):
                fitting.append((sign * used.weight, -node.number, node))
        return max(fitting)[-1] if fitting else None

    def advance(self, happening: Happening) -> list[Node]:
        """To the moment of `happening`; returns the nodes that are lost."""
        now, name = happening.now, self.pool.name
        lost = [n for n in self.all if n.lost_at is not None and n.lost_at <= now]
        if happening.goes_on(EventKind.POOL_OUTAGE, pool=name):
            lost = list(self.all)
        for event in happening.begun:
            if event.kind is EventKind.SPOT_RECLAIM and event.pool == name:
                for node in self._part(event.percent, [n for n in self.answering(now) if n not in lost]):
                    node.lost_at = now + NOTICE
            if event.kind is EventKind.NODES_UNREADY and event.pool == name:
                for node in self._part(event.percent, [n for n in self.answering(now) if n not in lost]):
                    node.answering, node.silent_since = False, now
        if not happening.goes_on(EventKind.NODES_UNREADY, pool=name):
            for node in self.all:
                node.answering = True
        self.all = [n for n in self.all if n not in lost]
        return lost

    def restore(self, happening: Happening) -> None:
        """Standing nodes come back as soon as they can; made nodes go that are empty for long, or were never ready."""
        now, pool = happening.now, self.pool
        self.all = [n for n in self.all if n.given_up_at is None or n.given_up_at > now]
        if not self._closed(happening):
            missing = pool.nodes - sum(n.standing for n in self.all)
            self.all += [self._node(now, now + pool.node_seconds, standing=True) for _ in range(missing)]
        self.all = [
            n for n in self.all if n.standing or n.held or n.ready_at > now or now - max(n.empty_since, n.ready_at) < pool.empty_seconds
        ]

    def order(self, waiting: list[Resources], happening: Happening) -> None:
        """Nodes for the replicas that wait, as far as the limit, the provider and its back-off allow."""
        now, pool = happening.now, self.pool
        if pool.max_nodes is None or not waiting or now < self._again_at:
            return
        a_node = min(self._fit(each) for each in set(waiting))
        coming = sum(1 for n in self.all if n.ready_at > now)
        needed = min(ceil(len(waiting) / a_node) - coming, pool.max_nodes - len(self.all)) if a_node else 0
        if needed <= 0:
            return
        closed = [e for kind in (EventKind.NO_CAPACITY, EventKind.POOL_OUTAGE) for e in happening.active(kind, pool=pool.name)]
        if closed:
            wait = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** min(self._failures, 10))
            self._failures, self._again_at = self._failures + 1, now + wait
            self.exhausted_until = self._again_at if any(e.reported for e in closed) else None
            return
        self._failures, self.exhausted_until = 0, None
        self.all += [self._ordered(now) for _ in range(needed)]

    def exhausted(self, start: datetime) -> datetime | None:
        """Until when the pool's status says that no nodes can be had."""
        return None if self.exhausted_until is None else start + timedelta(seconds=self.exhausted_until)

    def _closed(self, happening: Happening) -> bool:
        return any(happening.goes_on(kind, pool=self.pool.name) for kind in (EventKind.NO_CAPACITY, EventKind.POOL_OUTAGE))

    def _fit(self, asked: Resources) -> int:
        ratios = [have / want for have, want in zip(_parts(self.size), _parts(asked), strict=True) if want]
        return int(min(ratios, default=0.0) + 1e-9)

    def _part(self, percent: float, nodes: list[Node]) -> list[Node]:
        many = min(len(nodes), ceil(len(nodes) * percent / 100))
        return [nodes[i] for i in sorted(self._chance.choice(len(nodes), many, replace=False))] if many > 0 else []

    def _about(self) -> float:
        """20 % more or less."""
        return float(self._chance.uniform(0.8, 1.2))

    def _ordered(self, now: float) -> Node:
        if self.pool.failing_percent and 100 * self._chance.random() < self.pool.failing_percent:
            failing = self._node(now, inf)
            failing.given_up_at = now + self.pool.give_up_seconds
            return failing
        return self._node(now, now + self.pool.node_seconds * self._about())

    def _node(self, ordered: float, ready_at: float, *, standing: bool = False) -> Node:
        return Node(number=next(self._numbers), pool=self.pool.name, ordered=ordered, ready_at=ready_at, standing=standing)


def _parts(resources: Resources) -> tuple[float, float, float]:
    return resources.cpu, resources.memory_gib, resources.devices
