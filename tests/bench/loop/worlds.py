"""The worlds of the benchmark: three markets, and four in which something happens. Each is a scenario of the simulator and the same world as
the reference sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench import kinds
from bench.kinds import Kind
from bench.loop.policy import STEP, Pool
from bench.loop.reference import Place
from bench.loop.traces import Trace
from bench.loop.waiting import Constant, Law, played
from steelyard.simulate import arrivals
from steelyard.simulate.event import Event, EventKind
from steelyard.simulate.scenario import Scenario
from steelyard.simulate.truth import Truth
from steelyard.simulate.workload_entry import ObjectiveEntry

A = Pool(name="a", milliseconds=100, price=4.00, startup_seconds=300)
B = Pool(name="b", milliseconds=1000 / 3, price=1.00, startup_seconds=120)
C = replace(B, name="c", price=0.60, limit=4)
REPLICAS = 12 * 0.85
"""The load on average: what 12 replicas of B serve when they are full for 0.85 of the time."""
MOST = 400
"""Replicas, over all pools and of each: above what any of these loads needs."""
WARM_UP = 7200
"""Seconds before the trace begins, in which the load grows to its first rate and stays there. They are not counted."""
NODE_LATER = 60
"""Seconds from when a node is ready until its replica is."""
CLAIMS_OFF = 1.5, 2.0
"""Where claims are wrong, each is off by a factor between these."""
WORKLOAD = "work"
DAY = 86_400
REFERENCE_STEP = 60
"""Seconds. The recorded rates are means of 600 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """pools: A, B and C as they are here. events: what happens, timed from the end of the warm-up. limit: the promise, as a multiple of B's service
    time, within which percent of the requests are to be answered. claims: true, or wrong. warm_up: seconds. server: of another kind A and B are as fast
    beside each other, and the promise is that of its kind whatever `limit` is. told: whether servers tell how busy they are. route:
    whether requests come by the weights of a route; the reference has equal shares in any case."""

    kind: str
    pools: tuple[Pool, ...]
    events: tuple[Event, ...] = ()
    trace: Trace
    limit: float
    percent: float
    claims: str
    seed: int
    warm_up: int = WARM_UP
    server: Kind = Kind.SEQUENTIAL
    told: bool = True
    route: bool = False

    @property
    def seconds(self) -> int:
        """That are counted."""
        return self.trace.shape.size * self.trace.step // REFERENCE_STEP * REFERENCE_STEP

    @property
    def allowance(self) -> float:
        """The part of the requests that may be late."""
        return round(1 - self.percent / 100, 9)

    @property
    def unavoidable(self) -> float:
        """The part of the requests that come in a sudden rise of the load until a first replica for them can be ready, and are not served by
        what stood before."""
        rise = min(p.startup_seconds for p in self.pools) + 2 * STEP
        place = self.place()
        first = np.zeros(place.rates.size, dtype=bool)
        for event in self.events:
            if event.kind is EventKind.LOAD:
                begin = event.at if (event.times or 1.0) > 1 else event.until
                moments = np.arange(place.rates.size) * REFERENCE_STEP
                first |= (begin <= moments) & (moments < begin + rise)
        return float(place.rates[first].sum() / place.rates.sum())

    @property
    def objective(self) -> Mapping[str, object]:
        """As the workload promises it."""
        if self.server is Kind.SEQUENTIAL:
            return {"milliseconds": round(self.latency * 1000), "percent": self.percent}
        return {**kinds.OBJECTIVES[self.server], "percent": self.percent}

    @property
    def asked(self) -> str:
        """The same, for people."""
        return f"{self.percent:g} % in {self.limit:g} x" if self.server is Kind.SEQUENTIAL else f"{self.percent:g} %, {self.server.value}"

    @property
    def mean(self) -> float:
        """Requests per second on average."""
        return REPLICAS * self._truth(B).saturation(kinds.lengths(self.server))

    @property
    def latency(self) -> float:
        """Seconds within which a request is to be answered: a multiple of B's service time."""
        return round(self.limit * B.milliseconds) / 1000

    @property
    def rates(self) -> arrivals.Trace:
        """As the simulator has them, warm-up included."""
        rates = self.trace.shape * self.mean
        middles = self.warm_up + (np.arange(rates.size) + 0.5) * self.trace.step
        moments, rates = np.concatenate(([0.0, self.warm_up / 2], middles)), np.concatenate(([0.05 * rates[0], rates[0]], rates))
        return arrivals.Trace(moments, rates, float(moments[-1] + DAY))

    def scenario(self) -> Scenario:
        """One workload with default policy in mode Auto; a replica is a node."""
        factors = self._claimed()
        size = {"cpu": 8, "memoryGiB": 32}
        return Scenario.model_validate(
            {
                "days": (self.warm_up + self.seconds) / DAY,
                "seed": self.seed,
                "stepSeconds": STEP,
                "pools": [
                    {
                        "name": pool.name,
                        **size,
                        "replica": size,
                        "pricePerHour": pool.price,
                        "maxNodes": MOST if pool.limit is None else pool.limit,
                        "nodeSeconds": pool.startup_seconds - NODE_LATER,
                        "pullSeconds": 0,
                        "emptySeconds": pool.drain_seconds - STEP,
                        "claims": [{"metric": "Throughput", "timesTruth": factor}],
                    }
                    for pool, factor in zip(self.pools, factors, strict=True)
                ],
                "workloads": [
                    {
                        "name": WORKLOAD,
                        "load": {"trace": {"file": self.trace.name}},
                        **kinds.requests(self.server),
                        "objective": self.objective,
                        "scaling": {"minReplicas": 1, "maxReplicas": MOST},
                        "rebalancing": {"mode": "Auto"},
                        "route": self.route,
                        "truth": {p.name: self._true(p) for p in self.pools},
                    }
                ],
                "events": [event.model_copy(update={"at": self.warm_up + event.at}) for event in self.events],
            }
        )

    def _true(self, pool: Pool) -> Mapping[str, object]:
        """How a replica runs there."""
        if self.server is Kind.SEQUENTIAL:
            made: Mapping[str, object] = {"serviceMilliseconds": pool.milliseconds}
        else:
            made = kinds.server(self.server, B.milliseconds / pool.milliseconds)
        return {**made, "startSeconds": NODE_LATER, "busyTold": self.told}

    def _truth(self, pool: Pool) -> Truth:
        return Truth.model_validate(self._true(pool))

    def _law(self, pool: Pool) -> Law:
        if self.server is Kind.SEQUENTIAL:
            return Constant(pool.milliseconds / 1000, self.latency)
        return played(self._truth(pool), ObjectiveEntry.model_validate(self.objective), kinds.lengths(self.server))

    def _claimed(self) -> Sequence[float]:
        """Times the truth. Some claims are too high and some too low, so that their order is wrong too."""
        if self.claims == "true":
            return [1.0] * len(self.pools)
        chance = np.random.default_rng([self.seed, 3])
        high = chance.permutation([i % 2 == 0 for i in range(len(self.pools))])
        return (chance.uniform(*CLAIMS_OFF, len(self.pools)) ** np.where(high, 1.0, -1.0)).tolist()  # type: ignore[no-any-return]

    def place(self) -> Place:
        """For the reference."""
        middles = (np.arange(self.seconds // REFERENCE_STEP) + 0.5) * REFERENCE_STEP
        rates = np.interp(middles, (np.arange(self.trace.shape.size) + 0.5) * self.trace.step, self.trace.shape * self.mean)
        prices = np.tile([p.price for p in self.pools], (middles.size, 1))
        limits = np.tile([MOST if p.limit is None else p.limit for p in self.pools], (middles.size, 1))
        names = [p.name for p in self.pools]
        for event in self.events:
            during = (event.at <= middles) & (middles < event.until)
            if event.kind is EventKind.LOAD:
                rates[during] *= event.times or 1.0
            elif event.kind is EventKind.PRICE:
                prices[during, names.index(str(event.pool))] *= event.times or 1.0
            elif event.kind is EventKind.POOL_OUTAGE:
                limits[during, names.index(str(event.pool))] = 0
            else:
                raise ValueError(f"the reference does not know what {event.kind} means")
        return Place(
            seconds=REFERENCE_STEP,
            rates=rates,
            prices=prices,
            limits=limits,
            laws=[self._law(p) for p in self.pools],
            startup=[p.startup_seconds for p in self.pools],
            drain=[p.drain_seconds for p in self.pools],
        )


def world(
    kind: str,
    trace: Trace,
    *,
    limit: float = 7.5,
    percent: float = 99.0,
    claims: str = "true",
    seed: int = 1,
    server: Kind = Kind.SEQUENTIAL,
    told: bool = True,
    route: bool = False,
) -> World:
    """One of WORLDS with the trace. limit: the promise, as a multiple of B's service time. claims: true, or wrong."""
    pools, happens = WORLDS[kind]
    length = trace.shape.size * trace.step
    events = tuple(Event.model_validate({**event, "at": _on_the_hour(float(event["at"]) * length)}) for event in happens)  # type: ignore[arg-type]
    return World(
        kind=kind,
        pools=pools,
        events=events,
        trace=trace,
        limit=limit,
        percent=percent,
        claims=claims,
        seed=seed,
        server=server,
        told=told,
        route=route,
    )


def _on_the_hour(seconds: float) -> float:
    return round(seconds / 3600) * 3600.0


HAPPENS: Mapping[str, Mapping[str, object]] = {
    "stops": {"kind": "Load", "at": 0.4, "for": "2h", "times": 0.003},
    "burst": {"kind": "Load", "at": 0.5, "for": "10m", "times": 10},
    "outage": {"kind": "PoolOutage", "at": 0.5, "for": "1h", "pool": "b"},
    "dearer": {"kind": "Price", "at": 1 / 3, "pool": "b", "times": 2},
}
"""When, as a part of the trace, and what. Nobody reports the outage: orders of nodes are not fulfilled, and that is all."""
WORLDS: Mapping[str, tuple[tuple[Pool, ...], tuple[Mapping[str, object], ...]]] = {
    "unlimited": ((A, B, C), ()),
    "limited": ((A, replace(B, limit=8), C), ()),
    "mixed": ((replace(A, price=3.00), replace(B, limit=8), C), ()),
    **{kind: ((A, B, C), (event,)) for kind, event in HAPPENS.items()},
}
"""By name."""
