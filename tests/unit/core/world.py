"""A small world that drives `decide` with its own memory fed back: pools with a true speed, pods that start late, traffic with noise.

One tick is one window. Faults are attributes: set them, and the next tick shows them. Everything that `decide` orders is done as ordered,
and every order is checked against invariant I1 on the way.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from steelyard.core.compiling.candidate import compile_inputs
from steelyard.core.decide import decide
from steelyard.core.facts.accuracy import Accuracy, Measure
from steelyard.core.facts.capacity_request import Answer, Ask, CapacityRequest
from steelyard.core.facts.claim import Claim, ClaimMetric
from steelyard.core.facts.exit_drill import DrillTrial, ExitDrill
from steelyard.core.facts.identity import PlacementKey, WorkloadKey, of_variant, on_pool
from steelyard.core.facts.live_trial import LiveTrial
from steelyard.core.facts.memory import Memory, Move, MoveKind, Outcome, PastMove, Step
from steelyard.core.facts.place import places
from steelyard.core.facts.price import Price, PriceClass
from steelyard.core.facts.probe import Probe, ProbeState, ProbeStep, Ramp
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import (
    Artifact,
    ArtifactState,
    CompileOptions,
    Exhaustion,
    LatencyObjective,
    Mode,
    Model,
    ModelVariant,
    Overlap,
    Placement,
    Pool,
    PoolChoice,
    Rebalancing,
    Scaling,
    Settings,
    Shape,
    Snapshot,
    Toolchain,
    TooManyUnready,
    Traffic,
    Workload,
)
from steelyard.core.facts.tokens import Counted, Tokens
from steelyard.core.facts.unit_cost import Unit
from steelyard.core.facts.window import Window
from steelyard.core.placing.decision import Decision
from steelyard.core.placing.intent import CapacityIntent, PlacementIntent, ProbeIntent
from steelyard.core.planning.exhaustion import Waits, exhaustion
from steelyard.core.rebalancing.unready import unready_nodes
from steelyard.core.statistics.histogram import Buckets
from steelyard.core.vocabulary.reading import Fresh, Reading, Unknown
from steelyard.core.vocabulary.reason import Reason, Refusal

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
NODE = Resources(4.0, 16.0)
LATENCIES = (*(0.01 * 1.25**n for n in range(40)), math.inf)
"""Seconds: edges of the histograms."""
SATURATED = 0.9
"""Utilisation above which requests come late."""


def ratio_claim(ratio: float, relative_to: str, name: str = "advertised") -> Claim:
    return Claim(name=name, metric=ClaimMetric.UNIT_COST, ratio=ratio, relative_to=relative_to)


def quick(**changes: object) -> Rebalancing:
    """A policy with short times, so that a test sees a whole move within an hour."""
    times = Rebalancing(
        mode=Mode.AUTO,
        bake_seconds=120,
        cooldown_seconds=3600,
        deadline_seconds=900,
        exploration_deadline_seconds=900,
        exploration_budget=5.0,
    )
    return replace(times, **changes)  # type: ignore[arg-type]


@dataclass
class Ground:
    """A pool as it truly is. `speed`: requests per second of one busy replica. `start`: ticks from order to ready."""

    price: float = 1.0
    speed: float = 10.0
    start: int = 1
    claims: tuple[Claim, ...] = ()
    nodes: int = 40
    held: float = 0.0
    """Nodes of them that other workloads hold."""
    spot: bool = False
    reserved: bool = False
    family: str = "cpu"
    exists: bool = True
    priced: bool = True
    compiled: bool = True
    delivers: bool = True
    refusal: str = ""
    """What makes its nodes says as soon as it has none to give."""
    crashes: bool = False
    refuses: str = ""
    """Why the cluster's autoscaler brings no node, where it delivers none and says so."""
    ask: Ask | None = None
    """How its autoscaler is asked before a move for cost."""
    answers: tuple[Answer, ...] = ()
    """To requests, one after the other, a tick later each; the last to all that follow. None are given where it is empty."""
    quota: int | None = None
    """Replicas that a queue lets in; None: they are in none. One that was let in stays so until it goes."""
    late: float = 0.002
    selected: bool = True
    exhausted_until: datetime | None = None
    unready: int = 0
    trouble: Refusal | None = None
    """What keeps its pods from serving, beside crashes and a lack of nodes; they do not become ready."""
    overlaps: tuple[Overlap, ...] = ()
    waits: Refusal | None = None
    """What its compile waits for, where it is not compiled."""
    corrupt: bool = False
    """The store has lost the artifact: what runs has it in memory, and nothing can be started."""
    build: int = 0
    """Counts compiles of the same key that gave other bytes."""
    watts: tuple[float, float] | None = None
    """Of a replica that is idle, and of one that is full; None: no counter tells."""
    near: float | None = None
    """Least cosine of its answers to the reference's; None: nobody compared them."""
    tells_latencies: bool = False
    """By a histogram, of times from arrival to answer that are exponential (M/M/1)."""

    def joules(self, used: float, replica_seconds: float) -> float | None:
        """That are drawn at this utilisation."""
        return None if self.watts is None else (self.watts[0] + (self.watts[1] - self.watts[0]) * min(1.0, used)) * replica_seconds

    def buckets(self, used: float, answers: int) -> Buckets | None:
        """Of so many answers at this utilisation."""
        if not self.tells_latencies:
            return None
        mean = 1 / self.speed / (1 - min(used, 0.95))
        return {edge: round(answers * -math.expm1(-edge / mean)) for edge in LATENCIES}

    def took(self, used: float, answers: int) -> float:
        """Seconds that so many answers take together at this utilisation."""
        return answers / self.speed / (1 - min(used, 0.95))


@dataclass
class Pods:
    """A Deployment and its pods: `ages` in ticks, one a pod."""

    desired: int
    asked: str
    ages: list[int] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    owner: str | None = None
    key: str | None = None
    digest: str | None = None
    build: int = 0
    waiting_since: datetime | None = None
    queued_since: datetime | None = None
    quota_given: datetime | None = None
    shaken: int = 0
    """Windows that are still disturbed by a crash of a server which came back at once: a third of what is asked comes late."""


def answered(ground: Ground, asked: int, used: float, poisson: Callable[[float], int], shaken: float = 0.0) -> tuple[int, int, int, float]:
    """(good, slow, shed, part that came late) of so many requests on replicas that are used so much."""
    shed = asked - round(asked / used) if used > 1 else 0
    tardy = min(1.0, ground.late + max(0.0, used - SATURATED) * 5 + shaken)
    slow = min(asked - shed, poisson((asked - shed) * tardy)) if tardy < 0.5 else asked - shed
    return asked - shed - slow, slow, shed, tardy


def ramp_of(ramp: Ramp, send: Callable[[float, int], ProbeStep], allowed: float = 0.01) -> list[ProbeStep]:
    """The steps of a ramp as a generator takes them."""

    def kept(step: ProbeStep) -> bool:
        expected = allowed * step.offered
        return step.offered - step.good <= expected + 2 * math.sqrt(expected) + 0.5

    between = ramp.between_seconds or ramp.step_seconds
    steps = [send(ramp.first, ramp.step_seconds)]
    while kept(steps[-1]) and steps[-1].rate < ramp.most:
        steps.append(send(min(ramp.most, ramp.growth * steps[-1].rate), ramp.step_seconds))
    low, high = max((s.rate for s in steps if kept(s)), default=0.0), steps[-1].rate
    for _ in range(0 if kept(steps[-1]) else ramp.halvings):
        steps.append(send((low + high) / 2, between))
        low, high = (steps[-1].rate, high) if kept(steps[-1]) else (low, steps[-1].rate)
    return steps


class BrokenInvariantError(AssertionError):
    """An invariant was broken."""


@dataclass
class World:
    grounds: dict[str, Ground]
    rate: float = 20.0
    policy: Rebalancing = field(default_factory=quick)
    scaling: Scaling = field(default_factory=Scaling)
    seed: int = 1
    seeing: bool = True
    synced: bool = True
    frozen: bool = False
    read_load: bool = True
    errors: float = 0.0
    wish: str = "m"
    image: str = "serve:1"
    max_unit_cost: float | None = None
    unit: Unit = Unit.GOOD_REQUESTS
    tokens: tuple[int, int] | None = None
    """Mean tokens of a request's prompt and of its answer, where the servers tell them. Then a ground's speed is for answers of 100 tokens, and
    longer ones take longer."""
    max_spot_percent: int = 100
    min_families: int = 1
    pools: Mapping[str, PoolChoice] = field(default_factory=dict)
    """As `spec.placement.pools` names them."""
    variants: tuple[ModelVariant, ...] = ()
    """Of the model; what is true of one on a pool is the ground of its place, POOL.VARIANT, on the pool's nodes and at its price."""
    accuracy: tuple[Accuracy, ...] = ()
    now: datetime = START
    memory: Memory = field(default_factory=Memory)
    deployments: dict[PlacementKey, Pods] = field(default_factory=dict)
    past: dict[PlacementKey, list[Window]] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    ended: list[PastMove] = field(default_factory=list)
    """Every move that ended; the memory holds the last few."""
    blind: bool = False
    pending: bool = False
    """Whether what serves could not be read yet, and nothing is wrong with it."""
    busy_known: bool = True
    noise: float = 0.0
    """Spread (of the log) of the time that a request occupies a replica, from window to window and pool by pool."""
    exhaustions: dict[str, Exhaustion | None] = field(default_factory=dict)
    """As the pools' status remembers them."""
    unready: dict[str, TooManyUnready | None] = field(default_factory=dict)
    """As the pools' status remembers them."""
    probe: Probe | None = None
    """As its Job tells; a ramp is run when its time is up."""
    probed: list[ProbeIntent] = field(default_factory=list)
    """Every Job of a probe that was made."""
    capacity: CapacityRequest | None = None
    """What the autoscaler has answered to the request that is there."""
    requests: list[CapacityIntent] = field(default_factory=list)
    """Every request that was made."""
    trials: tuple[LiveTrial, ...] = ()
    """That ask for a part of the requests."""
    scale_targets: dict[str, int] = field(default_factory=dict)
    """Made by `decide` where somebody else sizes; a test writes them as an autoscaler does."""
    exit_drill: ExitDrill | None = None
    drills: tuple[DrillTrial, ...] = ()
    """Trials that the workload owns."""
    other_trials: tuple[str, ...] = ()
    fleet: Sequence[World] = ()
    """The workloads of the installation, this one included; empty for this one alone."""

    looked_at: Snapshot = field(init=False)
    """What the last decision was made of."""

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    # --- what decide sees

    @property
    def workload(self) -> Workload:
        return Workload(
            key=WorkloadKey("ns", "embed"),
            uid="uid-1",
            generation=1,
            model=Model(uri="hf://org/model", digest=None, revision=self.wish, task="feature-extraction"),
            compile=CompileOptions(),
            latency=(LatencyObjective(metric="e2e", milliseconds=200, percent=99.0),),
            scaling=self.scaling,
            rebalancing=self.policy,
            max_unit_cost=self.max_unit_cost,
            unit=self.unit,
            max_spot_percent=self.max_spot_percent,
            min_families=self.min_families,
            pools=self.pools,
            variants=self.variants,
            accuracy=self.accuracy,
            exit_drill=self.exit_drill,
        )

    def settings(self) -> Settings:
        chains = {
            f"on-{name}": Toolchain(
                backend=f"on-{name}", serve_image=self.image, compile_image="compile:1", versions={"v": "1"}, target=name
            )
            for name in self.grounds
        }
        return Settings(toolchains=chains, store_uri="s3://bucket", frozen=self.frozen)

    def pool(self, name: str, ground: Ground) -> Pool:
        price = Price(ground.price, PriceClass.STATIC, None) if ground.priced else None
        return Pool(
            name=name,
            family=ground.family,
            resource_name=None,
            backends=(f"on-{name}",),
            node_selector={"pool": name},
            shapes=(Shape(instance_type=f"{name}.large", resources=NODE, price=price),),
            claims=ground.claims,
            nodes=ground.nodes,
            held_nodes=ground.held,
            spot=ground.spot,
            reserved=ground.reserved,
            selected=ground.selected,
            ask=ground.ask,
            exhaustion=self.exhaustion(name),
            unready_nodes=ground.unready,
            too_many_unready=self.unready.get(name),
            overlaps=ground.overlaps,
            default_resources=NODE,
        )

    def places(self) -> tuple[Pool, ...]:
        pools = tuple(self.pool(name, g) for name, g in self.grounds.items() if g.exists and not of_variant(name))
        return places(self.workload, pools)

    def exhaustion(self, name: str) -> Exhaustion | None:
        """As a test says, else as the operator writes it into the pool's status."""
        until = self.grounds[name].exhausted_until
        return Exhaustion(since=self.now, until=until) if until is not None and until > self.now else self.exhaustions.get(name)

    def snapshot(self) -> Snapshot:
        settings = self.settings()
        artifacts = {}
        for place in self.places():
            ground = self.grounds[place.name]
            key = compile_inputs(self.workload, settings.toolchains[f"on-{place.of}"], ground.family, place.variant).key
            state = ArtifactState.READY if ground.compiled else ArtifactState.COMPILING
            digest = f"sha256:{key}" + (f"-{ground.build}" if ground.build else "")
            artifacts[key] = Artifact(
                state=state,
                uri=f"s3://bucket/{key}",
                digest=digest if ground.compiled else None,
                waits=None if ground.compiled else ground.waits,
                accuracy=Accuracy(Measure.LEAST_COSINE, ground.near) if ground.compiled and ground.near is not None else None,
            )
            if ground.corrupt:
                artifacts[key] = Artifact(state=ArtifactState.FAILED, message="ArtifactCorrupt: a pod refused it")
        others = [w.memory.move for w in self.fleet if w is not self and w.memory.move is not None]
        return Snapshot(
            workload=self.workload,
            pools=self.places(),
            settings=settings,
            artifacts=artifacts,
            placements=tuple(self.placement(key) for key in self.deployments),
            traffic=self.traffic(),
            past={key: tuple(windows) for key, windows in sorted(self.past.items())},
            probe=self.probe,
            capacity=self.capacity,
            trials=self.trials,
            scale_targets=dict(self.scale_targets) if self.scaling.owner == "External" else {},
            drills=self.drills,
            other_trials=self.other_trials,
            memory=self.memory,
            synced=self.synced,
            workloads=max(1, len(self.fleet)),
            workloads_in_namespace=max(1, len(self.fleet)),
            moves_elsewhere=len(others),
            moves_by_pool=Counter(pool for move in others for pool in {on_pool(move.source.pool), on_pool(move.target.pool)}),
            moves_in_namespace=len(others),
        )

    def placement(self, key: PlacementKey) -> Placement:
        pods, ground = self.deployments[key], self.grounds[key.pool]
        return Placement(
            key=key,
            desired=pods.desired,
            ready=self.ready(key),
            pods=len(pods.ages),
            crashing=len(pods.ages) if ground.crashes else self.refusing(key),
            unplaced=0 if ground.delivers else sum(1 for age in pods.ages if age < ground.start),
            crash_message="exit code 1" if ground.crashes else "",
            trouble=ground.trouble,
            waiting_since=pods.waiting_since,
            refused_nodes="" if ground.delivers else ground.refuses,
            queued=self.queued(key),
            queued_message=f"wait for quota of LocalQueue team: no more for flavor {key.pool}" if self.queued(key) else "",
            queued_since=pods.queued_since,
            quota_given=pods.quota_given if any(0 < age < ground.start for age in pods.ages) else None,
            replicas_owner=pods.owner,
            artifact_key=pods.key,
            artifact_digest=pods.digest,
            asked=pods.asked,
        )

    def traffic(self) -> Mapping[PlacementKey, Reading[Traffic]]:
        if self.pending:
            return {key: Unknown(f"no serving replica of pool {key.pool} was read yet", pending=True) for key in self.deployments}
        if not self.seeing or self.blind:
            return {key: Unknown("the metrics endpoint refuses connections") for key in self.deployments}
        return {
            key: Fresh(Traffic(windows=tuple(pods.windows[-60:])), self.now)
            for key, pods in self.deployments.items()
            if self.ready(key) or pods.windows
        }

    # --- what is true

    def remove(self, key: PlacementKey) -> None:
        """A Deployment goes; what was read of it tells what was asked for then."""
        self.past[key] = [*self.past.get(key, ()), *self.deployments.pop(key).windows][-60:]

    def ready(self, key: PlacementKey) -> int:
        ground = self.grounds[key.pool]
        return 0 if ground.crashes or ground.trouble else sum(1 for age in self.deployments[key].ages if age >= ground.start)

    def refusing(self, key: PlacementKey) -> int:
        """Pods that have not started yet and do not get the artifact that they are told to load."""
        ground, pods = self.grounds[key.pool], self.deployments[key]
        return sum(1 for age in pods.ages if age < ground.start) if ground.corrupt or pods.build != ground.build else 0

    def queued(self, key: PlacementKey) -> int:
        """Pods that no queue has let in yet."""
        return 0 if self.grounds[key.pool].quota is None else self.deployments[key].ages.count(0)

    def kill(self, pool: str, most: int = 1_000) -> None:
        """End the containers of so many pods of a pool: they start again."""
        for key, pods in self.deployments.items():
            if key.pool == pool:
                pods.ages = [0] * min(most, len(pods.ages)) + pods.ages[most:]

    def shake(self, pool: str, windows: int = 2) -> None:
        """A server of each placement on a pool ends and is back within seconds; what had piled up is answered late."""
        for key, pods in self.deployments.items():
            if key.pool == pool:
                pods.shaken = windows

    def count(self, pool: str) -> int:
        """Ready replicas on a pool."""
        return sum(self.ready(key) for key in self.deployments if key.pool == pool)

    @property
    def serves_on(self) -> str | None:
        """Of the pools that hold the load, the one that is told first."""
        return self.memory.allocation[0].pool if self.memory.allocation else None

    @property
    def others(self) -> tuple[PlacementKey, ...]:
        """The other placements that hold a part of the load."""
        return self.memory.allocation[1:]

    # --- time

    def tick(self, times: int = 1) -> Decision:
        for _ in range(times):
            self._serve()
            self.now += timedelta(seconds=self.policy.window_seconds)
            pools = [self.pool(name, ground) for name, ground in self.grounds.items() if not of_variant(name)]
            self.unready = {pool.name: unready_nodes(pool, pools).remembered(self.now) for pool in pools}
            self._wait()
            self._exhaust()
            self.looked_at = self.snapshot()
            decision = decide(self.looked_at, self.now)
            self._obey(decision)
            self._note(decision.memory.history[-1:])
            self.memory = decision.memory
            self.decisions.append(decision)
            self._start_pods()
        return self.decisions[-1]

    def _note(self, newest: Sequence[PastMove]) -> None:
        """What a move saved is known some time after its end: it is the same move."""
        if self.ended and newest and newest[0].time == self.ended[-1].time:
            self.ended.pop()
        self.ended += newest

    def under_way(self, kind: MoveKind, step: Step, source: str, target: str, **more: object) -> Move:
        """Put a move between two pools under way; the target has as many ready replicas as `more` says, or one."""
        leaves = next(key for key in self.deployments if key.pool == source)
        revision = next(o.candidate.revision for o in self.decisions[-1].options if o.pool == target)
        begun = Move(
            id=f"{source}-to-{target}",
            kind=kind,
            source=leaves,
            target=PlacementKey(target, revision or ""),
            step=step,
            source_replicas=self.deployments[leaves].desired,
            target_replicas=1,
            target_goal=1,
            started=self.now,
            step_time=self.now,
            deadline=self.now + timedelta(hours=1),
            reason=Reason.STEP_STARTED,
            message="put under way",
        )
        begun = replace(begun, **more)  # type: ignore[arg-type]
        self.memory = replace(self.memory, move=begun)
        count = max(1, begun.target_replicas)
        self.deployments[begun.target] = Pods(desired=count, asked="", ages=[99] * count)
        return begun

    def until(self, done: object, most: int = 240) -> int:
        """Ticks until `done()` holds; an assertion when it never does."""
        assert callable(done)
        for passed in range(most):
            if done():
                return passed
            self.tick()
        raise AssertionError(f"not within {most} windows: {self.memory.move}, {[d.verdict + ':' + d.message for d in self.decisions[-3:]]}")

    def restart(self) -> None:
        """The operator starts anew: status is remembered, windows are not."""
        self.past.clear()
        for pods in self.deployments.values():
            pods.windows.clear()

    def poisson(self, mean: float) -> int:
        if mean > 60:
            return max(0, round(self.chance.gauss(mean, math.sqrt(mean))))
        limit, k, p = math.exp(-mean), 0, 1.0
        while True:
            p *= self.chance.random()
            if p <= limit:
                return k
            k += 1

    def part(self, key: PlacementKey, ready: Mapping[PlacementKey, int]) -> float:
        """Of the requests, that go there: an equal part for each ready replica."""
        return ready[key] / sum(ready.values())

    def _serve(self) -> None:
        seconds = self.policy.window_seconds
        ready = {key: self.ready(key) for key in self.deployments}
        end = self.now + timedelta(seconds=seconds)
        for key, count in ready.items():
            if not count:
                continue
            ground, pods = self.grounds[key.pool], self.deployments[key]
            asked = self.poisson(self.rate * seconds * self.part(key, ready))
            used = asked / (count * seconds * self.speed(ground))
            shed = asked - round(asked / used) if used > 1 else 0
            errors = self.poisson(asked * self.errors) if self.errors else 0
            tardy = min(1.0, ground.late + max(0.0, used - SATURATED) * 5 + (0.3 if pods.shaken else 0.0))
            slow = min(asked - shed - errors, self.poisson((asked - shed) * tardy)) if tardy < 0.5 else asked - shed - errors
            busy = min(1.0, used) * count * seconds * self.chance.uniform(0.98, 1.02)
            busy *= math.exp(self.chance.gauss(0.0, self.noise)) if self.noise else 1.0
            steady = self.memory.move is None and bool(pods.windows) and round(pods.windows[-1].replicas) == count
            if self.seeing and self.read_load:
                window = Window(
                    start=self.now,
                    end=end,
                    good=asked - shed - errors - slow,
                    slow=slow,
                    error=errors,
                    shed=shed,
                    replica_seconds=float(count * seconds),
                    busy_seconds=min(busy, count * seconds) if self.busy_known else None,
                    cost=ground.price * count * seconds / 3600 if ground.priced else None,
                    steady=steady,
                    p99_milliseconds=40 / (1 - min(used, 0.95)) if asked else None,
                    disturbed=pods.shaken > 0,
                    joules=ground.joules(used, count * seconds),
                    buckets=(buckets := ground.buckets(used, asked - shed - errors)),
                    took_seconds=ground.took(used, asked - shed - errors) if buckets else None,
                    tokens=self.counted(asked, asked - shed - errors - slow),
                )
                pods.shaken = max(0, pods.shaken - 1)
                pods.windows.append(window)
        # After an outage the first complete window is waited for.
        self.blind = not self.seeing

    def speed(self, ground: Ground) -> float:
        """Requests per second of one busy replica, as they are now."""
        return ground.speed if self.tokens is None else ground.speed * 100 / self.tokens[1]

    def counted(self, asked: int, good: int) -> Tokens | None:
        """What the servers tell of so many requests."""
        if self.tokens is None:
            return None
        spoken, answered = (mean * self.chance.uniform(0.97, 1.03) for mean in self.tokens)
        every, of_good = (Counted(input=round(n * spoken), cached=0, output=round(n * answered)) for n in (asked, good))
        return Tokens(every=every, good=of_good)

    def _wait(self) -> None:
        """Whoever waits for a node, an image or a Secret waits since it was first seen to."""
        for key, pods in self.deployments.items():
            ground = self.grounds[key.pool]
            waits = ground.trouble is not None or (not ground.delivers and any(age < ground.start for age in pods.ages))
            pods.waiting_since = (pods.waiting_since or self.now) if waits and pods.ages else None
            pods.queued_since = (pods.queued_since or self.now) if self.queued(key) else None

    def _exhaust(self) -> None:
        for name, ground in self.grounds.items():
            there = [pods for key, pods in self.deployments.items() if on_pool(key.pool) == name and not ground.trouble]
            since = min((pods.waiting_since for pods in there if pods.waiting_since), default=None)
            found = self.now if any(pods.ages for pods in there) and since is None else None
            self.exhaustions[name] = exhaustion(name, self.exhaustions.get(name), self._waits(ground, since, found), self.now)

    def _waits(self, ground: Ground, since: datetime | None, found: datetime | None) -> Waits:
        refused = since if ground.refusal else None
        return Waits(since, "no node", found, refused, ground.refusal)

    def _probe(self, wanted: ProbeIntent | None) -> None:
        """The Job that is asked for, as its pod goes on: one of another move or placement is removed."""
        if wanted is None:
            self.probe = None
            return
        key, before = wanted.placement.key, self.probe
        if before is None or (before.move, before.key) != (wanted.move, key):
            self.probed.append(wanted)
            self.probe = Probe(
                move=wanted.move, key=key, state=ProbeState.STARTING, started=self.now, queued=self.grounds[key.pool].quota == 0
            )
            return
        if before.state in {ProbeState.DONE, ProbeState.FAILED}:
            return
        ground, ramp = self.grounds[key.pool], self.probed[-1].ramp
        passed = (self.now - before.started).total_seconds()
        start = ground.start * self.policy.window_seconds
        if ground.crashes or passed >= self.probed[-1].seconds + 60:
            self.probe = replace(before, state=ProbeState.FAILED, message="exit code 1" if ground.crashes else "it was not ready in time")
        elif ground.quota == 0:
            self.probe = replace(before, queued=True)
        elif ground.delivers and not ground.trouble and passed >= start:
            steps = ramp_of(ramp, lambda rate, seconds: self._step(ground, rate, seconds))
            done = passed >= start + sum(s.seconds for s in steps)
            state = ProbeState.DONE if done else ProbeState.RUNNING
            self.probe = replace(before, state=state, ready_seconds=float(start), steps=tuple(steps) if done else ())

    def _step(self, ground: Ground, rate: float, seconds: int) -> ProbeStep:
        """What becomes of so many requests on one replica of its own."""
        sent = self.poisson(rate * seconds)
        good, slow, shed, _ = answered(ground, sent, sent / (seconds * self.speed(ground)), self.poisson)
        return ProbeStep(rate=rate, seconds=float(seconds), good=good, slow=slow, error=0, shed=shed)

    def _start_pods(self) -> None:
        for key, pods in self.deployments.items():
            ground = self.grounds[key.pool]
            if ground.delivers and not self.refusing(key):
                let_in = min(self.queued(key), max(0, (ground.quota or 0) - self._let_in(key.pool)))
                waits = self.queued(key) - let_in
                pods.quota_given = self.now if let_in else pods.quota_given
                pods.ages = [age + 1 for age in pods.ages[: len(pods.ages) - waits]] + [0] * waits

    def _let_in(self, pool: str) -> int:
        """Pods of all revisions there that a queue has let in."""
        return sum(1 for key, pods in self.deployments.items() if key.pool == pool for age in pods.ages if age)

    def _obey(self, decision: Decision) -> None:
        intent = decision.intent
        before = {key: self.ready(key) for key in self.deployments}
        for order in intent.create:
            assert order.key not in self.deployments, "created twice"
            pods = self.deployments[order.key] = Pods(order.replicas, order.asked, build=self.grounds[order.key.pool].build)
            if isinstance(order, PlacementIntent):
                pods.key, pods.digest = order.artifact_uri.rpartition("/")[2], order.artifact_digest
        for key, count in (intent.scale or {}).items():
            assert self.deployments[key].owner is None, "wrote replicas that another owns"
            self.deployments[key].desired = count
        for key in intent.gone:
            self.remove(key)
        self._probe(intent.probe)
        self._ask(intent.capacity)
        made = {pool: each.first for pool, each in intent.scale_targets.items()}
        self.scale_targets = {pool: self.scale_targets.get(pool, first) for pool, first in made.items()}
        for pods in self.deployments.values():
            # Kubernetes removes the youngest pods first.
            pods.ages = sorted(pods.ages, reverse=True)[: pods.desired]
            pods.ages += [0] * (pods.desired - len(pods.ages))
        self._check_capacity(before, decision)

    def _ask(self, asked: CapacityIntent | None) -> None:
        """A request is answered at the next tick, once; what nobody asks for any more is gone."""
        if asked is None:
            self.capacity = None
            return
        if self.capacity is None:
            self.requests.append(asked)
            self.capacity = CapacityRequest(said="it has not answered")
            return
        answers = self.grounds[asked.placement.key.pool].answers
        if answers and self.capacity.answer is Answer.AWAITED:
            answer = answers[min(len(self.requests), len(answers)) - 1]
            self.capacity = CapacityRequest(answer, f"the autoscaler says {answer.value}")

    def _check_capacity(self, before: Mapping[PlacementKey, int], decision: Decision) -> None:
        """I1: what our action leaves ready carries the load, wherever it took something ready away."""
        after = {key: self.ready(key) for key in self.deployments}
        lost = any(after.get(key, 0) < count for key, count in before.items())
        if not lost:
            return
        left = sum(after.values())
        if self.scaling.owner == "External":  # What they carry is for whoever sizes.
            for pool, wanted in self.scale_targets.items():
                was, now = (sum(n for key, n in ready.items() if key.pool == pool) for ready in (before, after))
                if now < min(was, wanted):
                    raise BrokenInvariantError(f"I1: {was} to {now} on {pool}, of {wanted}: {decision.verdict} {decision.message}")
            return
        slowest = min((self.speed(self.grounds[key.pool]) for key, n in after.items() if n), default=0.0)
        if left >= self.scaling.maximum:
            return  # What the user does not allow is not asked for.
        if left < max(1, self.scaling.minimum) or self.rate / left > slowest * SATURATED:
            raise BrokenInvariantError(f"I1: {before} to {after} at {self.rate}/s: {decision.verdict} {decision.message}")

    # --- what tests ask of the past

    def moves(self) -> list[tuple[str, str, Outcome]]:
        return [(m.source_pool, m.target_pool, m.outcome) for m in self.memory.history]
