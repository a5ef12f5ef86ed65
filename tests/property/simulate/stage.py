"""The simulated cluster with what a scenario's events cannot play: what is read wrongly, what others do, and an operator that dies."""

from __future__ import annotations

from dataclasses import replace

from steelyard.core.compiling.candidate import compile_inputs
from steelyard.core.facts.capacity_request import Answer, Ask, CapacityRequest
from steelyard.core.facts.identity import PlacementKey, on_pool
from steelyard.core.facts.memory import Memory
from steelyard.core.facts.snapshot import Snapshot, Traffic
from steelyard.core.placing.decision import Decision
from steelyard.core.placing.intent import CapacityIntent, Intent
from steelyard.core.vocabulary.reading import Fresh, Reading, Stale, Unknown
from steelyard.simulate.cluster import Place
from steelyard.simulate.event import Event
from steelyard.simulate.facts import backend_of
from steelyard.simulate.scenario_file import Loaded
from steelyard.simulate.world import World

ANSWERS = 30.0
"""Seconds after which a request is answered."""
BEFORE_STATUS = -1
"""The operator dies before it has written anything."""


class Stage(World):
    """Switches: set them, and the next snapshot shows them. `dies_after`: so many orders of the next decision that has any are written."""

    def __init__(self, loaded: Loaded) -> None:
        super().__init__(loaded.scenario, loaded.traces)
        self.owners: dict[Place, str] = {}
        self.paused: set[str] = set()
        self.deleted: set[str] = set()
        self.lost_artifacts: set[str] = set()
        self.unanswered: set[str] = set()
        self.frozen: set[str] = set()
        self.answers: dict[str, Answer] = {}
        """By pool whose autoscaler is asked first, what it answers half a minute later; nothing while it is to be waited for."""
        self.requests: dict[str, tuple[CapacityIntent, float]] = {}
        """By workload, with the moment at which it was made."""
        self.synced = True
        self.dies_after: int | None = None
        self.changed_at = self.now

    # --- what goes on

    def happens(self, kind: str, length: float | None = None, **fields: object) -> None:
        """From the next moment on."""
        given = {"kind": kind, "at": self.now + self.scenario.step_seconds, **fields}
        self.happening.add(Event.model_validate(given if length is None else {**given, "for": length}))

    def step(self) -> None:
        super().step()
        if self.happening.changed:
            self.changed_at = self.now

    def wake(self) -> None:
        """What was switched is news to everybody."""
        for tenant in self.tenants.values():
            tenant.news = True

    def restart(self) -> None:
        """A new process knows what status says, and has read nothing yet."""
        for tenant in self.tenants.values():
            tenant.observations.clear()

    def forget(self, name: str) -> None:
        """Somebody emptied its status."""
        self.tenants[name].memory = Memory()

    def delete(self, name: str, pool: str) -> None:
        """Somebody deletes its Deployments there."""
        for key in self.cluster.of(name):
            if key.pool == pool:
                self.cluster.delete(name, key)
                self.owners.pop((name, key), None)

    def take(self, name: str, pool: str, wanted: int) -> None:
        """An autoscaler writes the replicas there from now on, beginning with these."""
        for key in self.cluster.of(name):
            if key.pool == pool:
                self.owners[name, key] = "hpa"
                self.cluster.deployments[name, key].desired = wanted

    def heal(self) -> None:
        """All switches are off, and the autoscalers gone. What happens ends by itself."""
        for switch in (self.owners, self.paused, self.deleted, self.lost_artifacts, self.unanswered, self.frozen):
            switch.clear()
        self.answers = dict.fromkeys(self.answers, Answer.GIVEN)
        self.synced, self.dies_after = True, None

    # --- what the operator sees, and does

    def snapshot(self, name: str) -> Snapshot:
        seen = super().snapshot(name)
        chains, pools = seen.settings.toolchains, self.scenario.pools
        gone = {compile_inputs(seen.workload, chains[backend_of(p)], p.family).key for p in pools if p.name in self.lost_artifacts}
        policy = replace(seen.workload.rebalancing, paused=name in self.paused)
        return replace(
            seen,
            workload=replace(seen.workload, rebalancing=policy),
            pools=tuple(
                replace(p, ask=Ask.CHECK_CAPACITY if p.of in self.answers else None) for p in seen.pools if p.name not in self.deleted
            ),
            capacity=self._answer(name),
            artifacts={key: artifact for key, artifact in seen.artifacts.items() if key not in gone},
            placements=tuple(replace(p, replicas_owner=self.owners.get((name, p.key))) for p in seen.placements),
            traffic={key: self._read(name, key, reading) for key, reading in seen.traffic.items()},
            synced=self.synced,
        )

    def obey(self, name: str, decision: Decision) -> None:
        """As far as the operator lives to write it."""
        intent, left = decision.intent, self.dies_after
        if left is None or not orders(intent):
            super().obey(name, decision)
        else:
            self.dies_after = None
            if left != BEFORE_STATUS:
                super().obey(name, replace(decision, intent=first(intent, left)))
            self.restart()
        if left != BEFORE_STATUS or not orders(intent):
            self._request(name, intent.capacity)
        self.owners = {place: owner for place, owner in self.owners.items() if place in self.cluster.deployments}

    def _request(self, name: str, asked: CapacityIntent | None) -> None:
        """The request that should be there is, and no other."""
        if asked is None:
            self.requests.pop(name, None)
        elif name not in self.requests or self.requests[name][0].move != asked.move:
            self.requests[name] = asked, self.now

    def _answer(self, name: str) -> CapacityRequest | None:
        move = self.tenants[name].memory.move
        asked, at = self.requests.get(name, (None, 0.0))
        if asked is None or move is None or asked.move != move.id:
            return None
        answer = self.answers.get(on_pool(move.target.pool), Answer.AWAITED) if self.now - at >= ANSWERS else Answer.AWAITED
        return CapacityRequest(answer, f"the autoscaler says {answer.value}")

    def ready(self, name: str) -> dict[PlacementKey, int]:
        """Replicas that requests are sent to, by placement."""
        keys = [r.key for r in self.cluster.serving(name)]
        return {key: keys.count(key) for key in sorted(set(keys))}

    def _read(self, name: str, key: PlacementKey, reading: Reading[Traffic]) -> Reading[Traffic]:
        if name in self.unanswered:
            return Unknown(f"the query for pool {key.pool} found nothing")
        if name in self.frozen and isinstance(reading, Fresh):
            return Stale(reading.value, reading.at, f"the samples of pool {key.pool} have not moved for three rounds")
        return reading


def orders(intent: Intent) -> int:
    """Writes that change what runs."""
    return len(intent.create) + len(intent.scale or {}) + len(intent.gone)


def first(intent: Intent, many: int) -> Intent:
    """The first so many of its orders, in the order in which they are written."""
    create, scale = intent.create[:many], sorted((intent.scale or {}).items())
    many -= len(create)
    fewer = dict(scale[: max(0, many)])
    return replace(intent, create=create, scale=fewer, gone=intent.gone[: max(0, many - len(fewer))])
