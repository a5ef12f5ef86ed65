"""The world: workloads with their load and queues on one cluster, what happens to it, and what the operator reads of it.

Time stands on a grid. A step serves the requests of its length with the replicas that are ready at its begin; at its end events, nodes and
replicas change and everything is read. Whatever depends on chance has a stream of its own, so that the same requests arrive whatever is
decided.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache, partial, reduce
from zlib import crc32

import numpy as np

from steelyard.core.catalogue.advertised import advertised, references
from steelyard.core.catalogue.catalogue import EMPTY, Catalogue
from steelyard.core.catalogue.estimate import estimate
from steelyard.core.economics.attribution import share
from steelyard.core.facts.batches import NONE, Batches
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Memory
from steelyard.core.facts.route import Route
from steelyard.core.facts.snapshot import Exhaustion, Snapshot
from steelyard.core.facts.window import Crash
from steelyard.core.placing.decision import Decision
from steelyard.core.placing.intent import ProbeIntent
from steelyard.core.plan import FleetPlan, nodes_of
from steelyard.core.planning.demand import Demand, asked_again
from steelyard.core.planning.exhaustion import Waits, exhaustion
from steelyard.core.vocabulary.reading import Unknown
from steelyard.simulate.arrivals import Arrivals, Rates, Trace
from steelyard.simulate.artifacts import Artifacts
from steelyard.simulate.batches import Batches as GatheredInBatches
from steelyard.simulate.cluster import Cluster, Place
from steelyard.simulate.event import EventKind
from steelyard.simulate.facts import key_of, pool_of, settings_of, workload_of
from steelyard.simulate.happening import Happening
from steelyard.simulate.observation import Observation, Seen
from steelyard.simulate.probe import Ramping, ramp_up
from steelyard.simulate.queues import Queues
from steelyard.simulate.replica import Replica
from steelyard.simulate.requests import SHED, Floats, Requests, counted
from steelyard.simulate.scenario import Scenario
from steelyard.simulate.slots import Slots
from steelyard.simulate.streams import streams
from steelyard.simulate.tally import Tally
from steelyard.simulate.workload_entry import WorkloadEntry


def _runs(answered: Requests, busy_seconds: float, replicas: Sequence[Replica], before: Mapping[int, Batches]) -> Batches | None:
    """As the pages of the replicas tell what their engines did since `before`; None where these tell no runs, as one that generates tokens."""
    kinds = {type(r.server) for r in replicas}
    if kinds == {Slots}:
        # Each takes one request at a time, in each of its slots.
        count, slots = int((answered.outcome != SHED).sum()), replicas[0].server.many
        return Batches(workers=slots, sizes=(1,), inputs=count, runs=(count,), rows=(count,), seconds=(busy_seconds * slots,))
    if kinds == {GatheredInBatches}:
        return reduce(Batches.plus, (r.server.ran.plus(before[r.number], -1) for r in replicas if isinstance(r.server, GatheredInBatches)))
    return None if kinds else NONE


@dataclass(slots=True, kw_only=True)
class Tenant:
    """One workload in the world. `news`: whether there is something that the last decision has not seen."""

    entry: WorkloadEntry
    arrivals: Arrivals
    queues: Queues
    sizes: np.random.Generator
    artifacts: Artifacts = field(default_factory=Artifacts)
    observations: dict[PlacementKey, Observation] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    demand: Demand | None = None
    tally: Tally = field(default_factory=Tally)
    shown: object = None
    probe: Ramping | None = None
    route: Route | None = None
    news: bool = True
    looked: float = float("-inf")


class World:
    """`now`: seconds since the load began; it starts in the lead, before it, and tallies count from 0. `nodes`: what all nodes cost; of it
    `starting` until they are ready, and `empty` while no replica is on them."""

    def __init__(self, scenario: Scenario, traces: Mapping[str, Trace], catalogue: Catalogue = EMPTY) -> None:
        self.scenario = scenario
        self._catalogue = catalogue
        self._ask = lru_cache(maxsize=None)(partial(estimate, catalogue))
        self.now = -scenario.lead_seconds
        self._pools = {p.name: p for p in scenario.pools}
        self.happening = Happening(scenario)
        self.happening.advance(self.now)
        self.cluster = Cluster(scenario, self.happening, self.now, self._chance("cluster"))
        self.nodes, self.starting, self.empty = Tally(), Tally(), Tally()
        self.exhaustions: dict[str, Exhaustion | None] = {}
        self.plan: FleetPlan | None = None
        self._jobs = settings_of(scenario, 0, frozen=False).compile_jobs_at_once
        self.tenants = {
            w.name: Tenant(
                entry=w,
                arrivals=Arrivals(Rates(w.load, traces), w.noise, self._chance(f"{w.name}/arrivals")),
                queues=Queues(w.objective.promise, self._chance(f"{w.name}/requests")),
                sizes=self._chance(f"{w.name}/lengths"),
            )
            for w in scenario.workloads
        }

    @property
    def moment(self) -> datetime:
        """Now, as the operator's clock has it."""
        return self.scenario.start + timedelta(seconds=self.now)

    @property
    def over(self) -> bool:
        """Whether the scenario has ended."""
        return self.now >= self.scenario.seconds

    # --- what the operator sees, and does

    def due(self) -> list[str]:
        """Workloads that the operator looks at now: what is new wakes it, a move under way keeps it awake, and it never sleeps for
        longer than a window. The real one looks every 15 seconds besides, at what is the same by then."""
        if self.happening.goes_on(EventKind.OPERATOR_DOWN):
            return []
        return [name for name, tenant in self.tenants.items() if tenant.news or tenant.memory.move is not None or self._slept(tenant)]

    def snapshot(self, name: str) -> Snapshot:
        """Everything about one workload, as the operator reads it."""
        tenant, wish = self.tenants[name], self.happening.wishes(name)
        entry, scenario = tenant.entry, self.scenario
        frozen = self.happening.goes_on(EventKind.FROZEN)
        keys = self.cluster.of(name)
        moves = [t.memory.move for other, t in self.tenants.items() if other != name and t.memory.move is not None]
        unread = Unknown("no round of observation was made yet")
        workload = workload_of(entry, wish, (p.family for p in scenario.pools))
        settings = settings_of(scenario, self.happening.images, frozen=frozen)
        plain = tuple(pool_of(p, self.cluster.nodes[p.name], entry, self.happening, scenario) for p in scenario.pools)
        plain = tuple(
            replace(pool, held_nodes=self.cluster.held(pool.name, name), exhaustion=self.exhaustions.get(pool.name) or pool.exhaustion)
            for pool in plain
        )
        pools = advertised(workload, plain, self._ask)
        return Snapshot(
            workload=workload,
            pools=pools,
            settings=settings,
            references=references(workload, pools, self._catalogue, self._ask, settings.currency),
            artifacts=tenant.artifacts.seen(),
            placements=tuple(self.cluster.placement(name, key) for key in keys),
            traffic={key: tenant.observations[key].reading() if key in tenant.observations else unread for key in keys},
            past={key: windows for key, each in sorted(tenant.observations.items()) if (windows := each.past)},
            memory=tenant.memory,
            probe=tenant.probe.told(self.now) if tenant.probe is not None else None,
            route=tenant.route,
            target=self.plan.target(key_of(entry)) if self.plan else None,
            workloads=len(self.tenants),
            workloads_in_namespace=len(self.tenants),
            moves_elsewhere=len(moves),
            moves_by_pool=Counter(pool for move in moves for pool in {move.source.pool, move.target.pool}),
            moves_in_namespace=len(moves),
        )

    def asked(self) -> tuple[tuple[Demand, ...], Mapping[str, float]]:
        """What the fleet's plan is to be made of: what each workload asked for when it was decided last, and the nodes that there may be."""
        demands = sorted((t.demand for t in self.tenants.values() if t.demand is not None), key=lambda d: d.key)
        scenario, entry = self.scenario, self.scenario.workloads[0]
        pools = [pool_of(p, self.cluster.nodes[p.name], entry, self.happening, scenario) for p in scenario.pools]
        return tuple(demands), {pool.name: nodes_of(pool) for pool in pools}

    def obey(self, name: str, decision: Decision) -> None:
        """Do as was decided, and remember what status would."""
        tenant = self.tenants[name]
        for intent in decision.intent.compile:
            tenant.artifacts.ask(intent, max(tenant.entry.truth[pool].compile_seconds for pool in intent.pools))
        self.cluster.obey(name, decision.intent)
        self._probe(name, tenant, decision.intent.probe)
        if decision.intent.route is not None:
            tenant.route = Route(weights=decision.intent.route.weights)
            tenant.queues.front.parts = decision.intent.route.weights
        self._compile(tenant)
        tenant.memory = decision.memory
        tenant.demand = asked_again(decision.demand, tenant.demand)
        self.leave(name)

    def leave(self, name: str) -> None:
        """It was looked at, and what there is by now is known."""
        tenant = self.tenants[name]
        tenant.looked, tenant.news = self.now, False
        tenant.shown = self._shown(name), self._nodes_shown()

    # --- time

    def step(self) -> None:
        """One step of the grid."""
        start, end = self.now, self.now + self.scenario.step_seconds
        paid = self._pay(start, end)
        seen = {name: self._serve(name, tenant, end, paid) for name, tenant in self.tenants.items()}
        self.now = end
        self.happening.advance(end)
        ended = self.cluster.advance(lambda replica: self.tenants[replica.workload].queues.holds(replica))
        self._exhaust()
        nodes = self._nodes_shown()
        for name, tenant in self.tenants.items():
            tenant.tally.cut += tenant.queues.cut([r for r in ended if r.workload == name])
            self._compile(tenant)
            self._observe(name, tenant, seen[name])
            tenant.news |= self.happening.changed or tenant.shown != (self._shown(name), nodes)

    def _probe(self, name: str, tenant: Tenant, intent: ProbeIntent | None) -> None:
        """The Job that is asked for runs, and no other."""
        if tenant.probe is not None and tenant.probe.is_of(intent):
            return
        tenant.probe = None
        if intent is None:
            return
        replica, start = self.cluster.alone(name, intent.placement)
        entry, allowed = tenant.entry, 1 - tenant.entry.objective.percent / 100
        queues, sizes = (self._chance(f"{name}/{intent.move}/{stream}") for stream in ("requests", "lengths"))
        alone = Queues(entry.objective.promise, queues)

        def serve(moments: Floats, end: float) -> Requests:
            return alone.serve([replica], moments, end, entry.lengths.draw(len(moments), sizes) if entry.lengths else None)

        steps = ramp_up(intent.ramp, serve, allowed, self._chance(f"{name}/{intent.move}/arrivals"))
        tenant.probe = Ramping(intent=intent, made_at=self.now, made=self.moment, ready_at=self.now + start, steps=steps)

    def _exhaust(self) -> None:
        """What the operator writes into the pools' status. One that is down writes nothing."""
        if self.happening.goes_on(EventKind.OPERATOR_DOWN):
            return
        for pool in self._pools:
            waits = Waits(*self.cluster.waits(pool))
            self.exhaustions[pool] = exhaustion(pool, self.exhaustions.get(pool), waits, self.moment)

    def _pay(self, start: float, end: float) -> dict[Place, float | None]:
        """Pay for nodes and replicas; returns what the operator knows of the latter, by placement."""
        hours, counted = (end - start) / 3600, start >= 0
        bills = {name: self.happening.bill(pool) for name, pool in self._pools.items()}
        prices = {name: self.happening.price(pool) for name, pool in self._pools.items()}
        if counted:
            for name, nodes in self.cluster.nodes.items():
                starting = sum(node.ready_at > start for node in nodes.all)
                empty = sum(node.ready_at <= start and not node.held for node in nodes.all)
                for tally, many in ((self.nodes, len(nodes.all)), (self.starting, starting), (self.empty, empty)):
                    tally.pay(name, hours * many, bills[name])
        known: dict[Place, float | None] = {}
        for replica in self.cluster.replicas():
            place, pool = (replica.workload, replica.key), replica.key.pool
            if replica.node is None:
                continue
            part, bill, price = share(replica.resources, self.cluster.nodes[pool].size), bills[pool], prices[pool]
            if counted:
                self.tenants[replica.workload].tally.pay(pool, hours, None if bill is None else bill * part)
            booked = None if price is None else price.per_hour * part * hours
            if counted:
                self.tenants[replica.workload].tally.book(pool, booked)
            so_far = known.get(place, 0.0)
            known[place] = None if so_far is None or booked is None else so_far + booked
        for tenant in self.tenants.values() if counted else ():
            if (probe := tenant.probe) is not None and start < probe.ends_at:
                pool = probe.key.pool
                bill, part = bills[pool], share(probe.intent.placement.resources, self.cluster.nodes[pool].size)
                tenant.tally.pay(pool, hours, None if bill is None else bill * part)
                # Its pod has no node of the cluster's: of the nodes' bill it is its part.
                self.nodes.pay(pool, hours * part, bill)
        return known

    def _serve(self, name: str, tenant: Tenant, end: float, paid: Mapping[Place, float | None]) -> dict[PlacementKey, Seen]:
        """The requests until `end`, by placement."""
        start, replicas = self.now, self.cluster.serving(name)
        arrivals = tenant.arrivals.between(start, end, self.happening.times(name))
        worked = {r.number: r.worked(start) for r in replicas}
        ran = {r.number: r.server.ran for r in replicas if isinstance(r.server, GatheredInBatches)}
        lengths = tenant.entry.lengths.draw(len(arrivals), tenant.sizes) if tenant.entry.lengths else None
        answered = tenant.queues.serve(replicas, arrivals, end, lengths)
        tenant.tally.count(len(arrivals), answered, unserved=0 if replicas else len(arrivals))
        seen = {}
        places = self.cluster.pods(name)
        for key, pods in places.items():
            mine = [r for r in replicas if r.key == key]
            busy = sum((r.worked(end) - worked[r.number]) / r.server.many for r in mine)
            here = answered if len(places) == 1 else answered.where(np.isin(answered.replica, [r.number for r in pods]))
            told = tenant.entry.busy_told(self._pools[key.pool])
            lost = self.happening.goes_on(EventKind.METRICS_LOST, pool=key.pool, workload=name)
            seen[key] = Seen(
                answered=here,
                served=frozenset(r.number for r in mine),
                seconds=end - start,
                busy_seconds=busy if told else None,
                cost=paid.get((name, key), 0.0),
                read=not lost,
                crashes=tuple(self._crash(r.crashed_at, r.ready_at) for r in pods if r.crashed_at is not None and r.leaving is None),
                batches=_runs(here, busy, mine, ran) if told else None,
                by_engine=self._pools[key.pool].devices > 0,
                tokens=counted(here) if tenant.entry.lengths else None,
                streams=streams(here, mine),
            )
        return seen

    def _crash(self, at: float, ready_at: float) -> Crash:
        recovered = self.scenario.start + timedelta(seconds=ready_at) if ready_at <= self.now else None
        return Crash(self.scenario.start + timedelta(seconds=at), recovered)

    def _observe(self, name: str, tenant: Tenant, seen: Mapping[PlacementKey, Seen]) -> None:
        """The round at the end of a step. While the operator is down it observes nothing, and afterwards it begins anew."""
        if self.happening.goes_on(EventKind.OPERATOR_DOWN):
            tenant.observations.clear()
            return
        serving = self.cluster.serving(name)
        for key in self.cluster.of(name):
            if key not in seen:
                continue
            entry = tenant.entry
            fresh = Observation(key.pool, entry.rebalancing.window_seconds, entry.objective.milliseconds)
            observation = tenant.observations.setdefault(key, fresh)
            now_serving = frozenset(r.number for r in serving if r.key == key)
            tenant.news |= observation.step(seen[key], now_serving, self.moment)
        for key in set(tenant.observations) - set(self.cluster.of(name)):
            tenant.observations[key].end()

    def _compile(self, tenant: Tenant) -> None:
        if tenant.artifacts.settled:
            return
        running = sum(t.artifacts.running for t in self.tenants.values())
        failing = frozenset(
            p for p in tenant.entry.truth if self.happening.goes_on(EventKind.COMPILE_FAILS, pool=p, workload=tenant.entry.name)
        )
        room = max(0, self._jobs - running)
        tenant.news |= tenant.artifacts.advance(self.moment, failing, room)

    def _shown(self, name: str) -> object:
        """What a watch would tell of its pods."""
        return tuple(self.cluster.placement(name, key) for key in self.cluster.of(name))

    def _nodes_shown(self) -> object:
        """What a watch would tell of all nodes."""
        return tuple(nodes.counts(self.now) for nodes in self.cluster.nodes.values())

    def _slept(self, tenant: Tenant) -> bool:
        return self.now - tenant.looked >= tenant.entry.rebalancing.window_seconds

    def _chance(self, stream: str) -> np.random.Generator:
        return np.random.default_rng([self.scenario.seed, crc32(stream.encode())])
