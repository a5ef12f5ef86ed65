"""The cluster: Deployments that are obeyed, replicas that are placed, start, crash, drain and are lost, and the nodes below them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from math import inf
from statistics import median
from typing import TypeAlias

import numpy as np

from steelyard.core.economics.replica_price import dominant_share
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import Placement
from steelyard.core.placing.intent import CustomIntent, Intent, PlacementIntent
from steelyard.simulate.event import EventKind
from steelyard.simulate.happening import Happening
from steelyard.simulate.node import Node
from steelyard.simulate.nodes import Nodes
from steelyard.simulate.pool_entry import Scheduling
from steelyard.simulate.replica import Replica
from steelyard.simulate.scenario import START_SPREAD, Scenario

GRACE = 30.0
"""Seconds that a leaving replica may take to answer what it has."""
GIVEN_UP = 300.0
"""Seconds after which replicas of a silent node are replaced (Kubernetes' default toleration)."""
FIRST_RESTART = 10.0
LONGEST_RESTART = 300.0
"""Seconds between two starts of a container that keeps ending (Kubernetes' back-off)."""

Place: TypeAlias = tuple[str, PlacementKey]
"""A workload's name, and where it runs."""


@dataclass(slots=True, kw_only=True)
class Deployment:
    """As it was made; `wish` and `image`: how many new revisions and images there had been by then."""

    order: PlacementIntent | CustomIntent
    desired: int
    wish: int
    image: int


class Cluster:
    """Changes at the points of the grid only."""

    def __init__(self, scenario: Scenario, happening: Happening, begin: float, chance: np.random.Generator) -> None:
        self._truth = {(w.name, pool): truth for w in scenario.workloads for pool, truth in w.truth.items()}
        self._happening = happening
        self._chance = chance
        self._numbers = count(1)
        self._moment = begin
        self._start = scenario.start
        self.nodes = {p.name: Nodes(p, begin, self._numbers, chance) for p in scenario.pools}
        self.deployments: dict[Place, Deployment] = {}
        self._keys: dict[str, set[PlacementKey]] = {}
        self._pods: dict[Place, list[Replica]] = {}

    def obey(self, workload: str, intent: Intent) -> None:
        """What an API server and its controllers would do at once."""
        for order in intent.create:
            made = Deployment(order=order, desired=order.replicas, wish=self._happening.wishes(workload), image=self._happening.images)
            self.deployments.setdefault((workload, order.key), made)
            self._keys.setdefault(workload, set()).add(order.key)
        for key, wanted in (intent.scale or {}).items():
            if (workload, key) in self.deployments:
                self.deployments[workload, key].desired = wanted
        for key in intent.gone:
            self.delete(workload, key)
        self._reconcile()

    def alone(self, workload: str, order: PlacementIntent | CustomIntent) -> tuple[Replica, float]:
        """(a replica of no Deployment, which serves nobody, how many seconds it takes until it is ready; infinite where no node can be had, or it
        crashes)."""
        made = Deployment(order=order, desired=0, wish=self._happening.wishes(workload), image=self._happening.images)
        replica, pool = self._replica(workload, made), self.nodes[order.key.pool].pool
        kinds = (EventKind.POOL_OUTAGE, EventKind.NO_CAPACITY)
        out = any(self._happening.goes_on(kind, pool=pool.name) for kind in kinds)
        if out or self._happening.goes_on(EventKind.CRASHES, pool=pool.name, workload=workload):
            return replica, inf
        return replica, pool.pull_seconds + self._truth[workload, pool.name].start_seconds

    def delete(self, workload: str, key: PlacementKey) -> None:
        """A Deployment goes, whoever deletes it; its pods go with the next moment."""
        self.deployments.pop((workload, key), None)
        self._keys.get(workload, set()).discard(key)

    def advance(self, busy: Callable[[Replica], bool]) -> list[Replica]:
        """To the moment of what happens; returns replicas whose requests will not be answered. `busy`: whether one has any."""
        now = self._moment = self._happening.now
        everyone = list(self.replicas())
        lost_nodes = {id(node) for nodes in self.nodes.values() for node in nodes.advance(self._happening)}
        ended = [r for r in everyone if self._lost(r, lost_nodes) or (self._overdue(r) and busy(r))]
        crashed = [r for r in everyone if r not in ended and self._crashes(r)]
        for replica in crashed:
            self._restart(replica)
        silent = [r for r in everyone if r.node is not None and not r.node.answering and r.node.silent_since == now]
        for replica in silent:
            replica.drop(now)
        for replica in everyone:
            if replica.node is not None and replica.node.lost_at is not None and replica.leaving is None:
                replica.leaving = now
        self._remove([r for r in everyone if r in ended or (r.leaving is not None and not busy(r))])
        for nodes in self.nodes.values():
            nodes.restore(self._happening)
        if self._happening.changed:
            for replica in self.replicas():
                self._tune(replica)
        self._reconcile()
        return [*ended, *crashed, *silent]

    def of(self, workload: str) -> list[PlacementKey]:
        """Its Deployments."""
        return sorted(self._keys.get(workload, ()))

    def waits(self, pool: str) -> tuple[datetime | None, str, datetime | None]:
        """(since when the first of the replicas there waits for a node, why, when a node was last found for one)."""
        here = [r for r in self.replicas() if r.key.pool == pool and r.leaving is None]
        waiting, found = [r.created for r in here if r.node is None], [r.placed_at for r in here if r.node is not None]
        since, last = (
            self._start + timedelta(seconds=at) if at is not None else None for at in (min(waiting, default=None), max(found, default=None))
        )
        return since, "no node has room", last

    def held(self, pool: str, but: str) -> float:
        """Nodes of the pool that the replicas of all workloads `but` one take, wanted or there."""
        size = self.nodes[pool].size
        return sum(
            made.desired * dominant_share(made.order.resources, size)
            for (name, key), made in self.deployments.items()
            if key.pool == pool and name != but
        )

    def replicas(self) -> Iterator[Replica]:
        """All pods, those included that leave."""
        for pods in self._pods.values():
            yield from pods

    def serving(self, workload: str) -> list[Replica]:
        """Replicas that new requests are sent to."""
        return [r for key in self.of(workload) for r in self._pods.get((workload, key), ()) if r.ready]

    def pods(self, workload: str) -> dict[PlacementKey, list[Replica]]:
        """Its pods by placement, those of placements that are gone included."""
        return {key: pods for (name, key), pods in self._pods.items() if name == workload}

    def placement(self, workload: str, key: PlacementKey) -> Placement:
        """A Deployment with its pods, as a snapshot has it."""
        made = self.deployments[workload, key]
        mine = self._pods.get((workload, key), [])
        crashing = [r for r in mine if r.crashes > 1 and not r.ready and r.leaving is None]
        starts = [r.ready_at - r.created for r in mine if r.ready and r.crashes == 0]
        waiting = [r.created for r in mine if r.node is None and r.leaving is None]
        return Placement(
            key=key,
            desired=made.desired,
            ready=sum(r.ready for r in mine),
            pods=len(mine),
            crashing=len(crashing),
            unplaced=len(waiting),
            start_seconds=median(starts) if starts else None,
            waiting_since=self._start + timedelta(seconds=min(waiting)) if waiting else None,
            crash_message="the server keeps ending with code 1: see kubectl logs --previous" if crashing else "",
            artifact_digest=made.order.artifact_digest if isinstance(made.order, PlacementIntent) else None,
            asked=made.order.asked,
        )

    # --- the life of replicas

    def _lost(self, replica: Replica, lost: Collection[int]) -> bool:
        node = replica.node
        return node is not None and (id(node) in lost or (not node.answering and self._moment - node.silent_since >= GIVEN_UP))

    def _overdue(self, replica: Replica) -> bool:
        return replica.leaving is not None and self._moment - replica.leaving >= GRACE

    def _crashes(self, replica: Replica) -> bool:
        crash = self._happening.goes_on(EventKind.CRASHES, pool=replica.key.pool, workload=replica.workload)
        return crash and replica.leaving is None and replica.ready_at <= self._moment

    def _restart(self, replica: Replica) -> None:
        pause = min(LONGEST_RESTART, FIRST_RESTART * 2**replica.crashes)
        replica.restart(self._moment, self._moment + pause + self._start_seconds(replica))

    def _start_seconds(self, replica: Replica) -> float:
        mean = self._truth[replica.workload, replica.key.pool].start_seconds
        return mean * float(self._chance.gamma(1 / START_SPREAD**2, START_SPREAD**2))

    def _remove(self, gone: Collection[Replica]) -> None:
        for place in {(r.workload, r.key) for r in gone}:
            self._pods[place] = [r for r in self._pods[place] if r not in gone]
            if not self._pods[place]:
                del self._pods[place]
        for replica in gone:
            if replica.node is not None:
                replica.node.release(replica.number, self._moment)

    def _reconcile(self) -> None:
        """Replicas as many as are wanted, on nodes as far as there are any."""
        for place, made in self.deployments.items():
            staying = [r for r in self._pods.get(place, ()) if r.leaving is None]
            if len(staying) > made.desired:
                self._leave(self._last_to_leave(staying)[made.desired :])
            for _ in range(made.desired - len(staying)):
                self._pods.setdefault(place, []).append(self._replica(place[0], made))
        for place in [p for p in self._pods if p not in self.deployments]:
            self._leave([r for r in self._pods[place] if r.leaving is None])
        self._place()
        for replica in self.replicas():
            there = replica.node is not None and replica.node.answering and replica.leaving is None
            replica.ready = there and replica.ready_at <= self._moment
            if replica.ready:
                replica.crashes = 0

    def _last_to_leave(self, replicas: list[Replica]) -> list[Replica]:
        """Kubernetes takes first what has no node, then what is not ready, then what shares a node with most others, then the youngest."""
        packed = self.nodes[replicas[0].key.pool].pool.scheduling is Scheduling.PACKED
        beside: Counter[int] = Counter() if packed else Counter(id(r.node) for r in replicas)
        return sorted(replicas, key=lambda r: (r.node is None, not r.ready, beside[id(r.node)], r.created, r.number))

    def _leave(self, replicas: list[Replica]) -> None:
        for replica in replicas:
            replica.leaving, replica.ready = self._moment, False
        self._remove([r for r in replicas if r.node is None])

    def _place(self) -> None:
        waiting: dict[str, list[Replica]] = {}
        for replica in self.replicas():
            if replica.node is None:
                waiting.setdefault(replica.key.pool, []).append(replica)
        for pool, replicas in waiting.items():
            nodes = self.nodes[pool]
            full: set[Resources] = set()
            for replica in sorted(replicas, key=lambda r: r.number):
                node = None if replica.resources in full else nodes.room(replica.resources, self._moment)
                if node is not None:
                    self._bind(replica, node, nodes.pool.pull_seconds)
                else:
                    full.add(replica.resources)
            nodes.order([r.resources for r in replicas if r.node is None], self._happening)

    def _bind(self, replica: Replica, node: Node, pull_seconds: float) -> None:
        pull = 0.0 if replica.image in node.images else pull_seconds
        node.images.add(replica.image)
        node.hold(replica.number, replica.resources)
        replica.placed_at = self._moment
        replica.node, replica.ready_at = node, self._moment + pull + self._start_seconds(replica)

    def _replica(self, workload: str, made: Deployment) -> Replica:
        order, truth = made.order, self._truth[workload, made.order.key.pool]
        replica = Replica(
            number=next(self._numbers),
            workload=workload,
            key=order.key,
            image=order.image,
            resources=order.resources,
            created=self._moment,
            server=truth.server(),
            weight=truth.weight,
        )
        self._tune(replica, made)
        return replica

    def _tune(self, replica: Replica, made: Deployment | None = None) -> None:
        """How it runs under what happens now. made: what it is of, where that is no Deployment of the cluster."""
        made = made or self.deployments.get((replica.workload, replica.key))
        if made is None:
            return  # It answers what it has, and takes nothing new.
        truth, pool = self._truth[replica.workload, replica.key.pool], replica.key.pool
        slow = self._happening.slowness(pool, replica.workload, made.wish, made.image)
        truth.tune(replica.server, slow)
        failing = self._happening.share(EventKind.ERRORS, pool=pool, workload=replica.workload)
        replica.errors = 1 - (1 - truth.error_percent / 100) * (1 - max(0.0, failing))
