"""One run in the simulator: of the operator through its door, or of a policy that wants replicas. Same arrivals, queues, nodes and faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from math import ceil

from bench.hands import deploy, scale, wanted
from bench.loop.outcome import Change, Outcome, moves
from bench.loop.policy import STEP, Observation, Policy
from bench.loop.worlds import MOST, WORKLOAD, World
from steelyard.simulate import world as simulated
from steelyard.simulate.drive import steps
from steelyard.simulate.event import EventKind
from steelyard.simulate.replica import Replica
from steelyard.simulate.scenario import START_SPREAD

DAY = 86_400


def operator(world: World) -> Outcome:
    """The operator: `decide` at its cadence, on what it reads."""
    ground = _ground(world)
    return _outcome(world, ground, (None for _ in steps(ground)))


def policy(world: World, wishes: Policy) -> Outcome:
    """A policy that is called at every step, and obeyed at once."""
    ground = _ground(world)
    return _outcome(world, ground, _obeyed(world, ground, wishes))


def _ground(world: World) -> simulated.World:
    return simulated.World(world.scenario(), {world.trace.name: world.rates})


def _outcome(world: World, ground: simulated.World, run: Iterator[None]) -> Outcome:
    """What is counted begins with the trace; of an outage it also begins when the slowest start elsewhere that was ordered at the first look ends."""
    tally, pools = ground.tenants[WORKLOAD].tally, [p.name for p in world.pools]
    outage = next((e for e in world.events if e.kind is EventKind.POOL_OUTAGE), None)
    late = world.warm_up + outage.at + _up_to_a_step((1 + START_SPREAD) * max(p.startup_seconds for p in world.pools)) if outage else -1.0
    until = world.warm_up + outage.until if outage else -1.0
    before, paid, after_start = tally.copy(), ground.nodes.copy(), tally.copy()
    in_outage: float | None = None
    asked: list[Mapping[str, int]] = []
    for _ in run:
        if ground.now == world.warm_up:
            before, paid = tally.copy(), ground.nodes.copy()
        if ground.now == late:
            after_start = tally.copy()
        if ground.now == until:
            in_outage = _part(tally.since(after_start).missed, tally.since(after_start).ended)
        if ground.now >= world.warm_up:
            asked.append(wanted(ground, WORKLOAD))
    counted, cost = tally.since(before), ground.nodes.since(paid).cost
    assert cost is not None
    changes = [
        Change(step, p, now.get(pool, 0) - last.get(pool, 0))
        for step, (last, now) in enumerate(pairwise(asked))
        for p, pool in enumerate(pools)
        if now.get(pool, 0) != last.get(pool, 0)
    ]
    return Outcome(
        cost=cost,
        requests=counted.ended,
        missed=counted.missed,
        missed_in_outage=in_outage,
        starts=sum(c.replicas for c in changes if c.replicas > 0),
        moves=moves(changes),
        days=world.seconds / DAY,
        replicas={pool: counted.replica_hours.get(pool, 0.0) * 3600 / world.seconds for pool in pools},
    )


def _up_to_a_step(seconds: float) -> float:
    """The first look after the one that ordered it, at which it can be seen to be over."""
    return (ceil(seconds / STEP) + 1) * STEP


def _part(missed: int, ended: int) -> float:
    return missed / max(1, ended)


def _obeyed(world: World, ground: simulated.World, wishes: Policy) -> Iterator[None]:
    """Steps of the world, with the policy's wishes carried out after each."""
    wishes.start(world.pools, allowance=world.allowance)
    deploy(ground, WORKLOAD, [p.name for p in world.pools], replicas=1)
    eyes = _Eyes(world, ground)
    while not ground.over:
        ground.step()
        seen = eyes.look()
        if ground.now > 0:
            limits = [MOST if p.limit is None else p.limit for p in world.pools]
            wished = [min(max(0, int(n)), limit) for n, limit in zip(wishes.step(seen), limits, strict=True)]
            scale(ground, WORKLOAD, dict(zip([p.name for p in world.pools], wished, strict=True)))
        yield


class _Eyes:
    """What is seen of the world between two looks."""

    def __init__(self, world: World, ground: simulated.World) -> None:
        self._ground = ground
        self._pools = [p.name for p in world.pools]
        self._worked: dict[int, float] = {}
        self._serving: list[Replica] = []
        self._last = ground.tenants[WORKLOAD].tally.copy()

    def look(self) -> Observation:
        ground, tally = self._ground, self._ground.tenants[WORKLOAD].tally
        new, self._last = tally.since(self._last), tally.copy()
        busy: dict[str, float] = {}
        stood: dict[str, int] = {}
        for replica in self._serving:
            pool = replica.key.pool
            stood[pool] = stood.get(pool, 0) + 1
            busy[pool] = busy.get(pool, 0.0) + replica.worked(ground.now) - self._worked[replica.number]
        self._serving = ground.cluster.serving(WORKLOAD)
        self._worked = {r.number: r.worked(ground.now) for r in self._serving}
        pools, asked = self._pools, wanted(ground, WORKLOAD)
        ready = Counter(replica.key.pool for replica in self._serving)
        return Observation(
            now=ground.now,
            seconds=STEP,
            requests=new.offered,
            missed=new.missed,
            busy=tuple(busy[p] / stood[p] / STEP if p in stood else None for p in pools),
            replica_seconds=tuple(float(stood.get(p, 0) * STEP) for p in pools),
            ready=tuple(ready[p] for p in pools),
            starting=tuple(max(0, asked[p] - ready[p]) for p in pools),
            prices=tuple(ground.happening.bill(p) or 0.0 for p in ground.scenario.pools),
        )
