"""The cases: a world by seed, and what is claimed of it. Everything random is drawn here; what is true is in the scenario alone."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench import kinds
from bench.kinds import Kind
from steelyard.core.performance.capacity import RHO
from steelyard.core.planning.sizing import need
from steelyard.simulate.arrivals import Rates
from steelyard.simulate.happening import Happening
from steelyard.simulate.scenario import Scenario

PRICES = Path(__file__).parents[1] / "data/wrong_claims/price_changes.csv"
DAY, HOUR = 86400.0, 3600.0
STEP = 60
LEAST, MOST = 1, 60
"""Replicas."""
MISLED = 1.15
"""Times the cost on the cheapest pool, from which claims that lead to another one mislead."""
STEADY: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "steps": [{"at": "0s", "rate": 1}, {"at": "20m", "rate": 2}, {"at": "40m", "rate": 4}, {"at": "1h", "rate": 8}]
}
"""A load that begins small, as capacity is learnt from answers in time, and then stays the same."""


@dataclass(frozen=True, slots=True)
class Case:
    """world: the scenario of a seed and so many days. compared: whether there are other policies and an oracle beside Steelyard."""

    name: str
    days: float
    seeds: int
    world: Callable[[int, float], Scenario]
    compared: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A pool: what is true, and the factor by which the claimed throughput is off. milliseconds: of a request where the server takes one at a
    time; one of another kind is as fast beside the others."""

    price: float
    milliseconds: float
    claim: float


def off(chance: np.random.Generator) -> float:
    """A random factor in [0.5, 2]."""
    return float(2 ** chance.uniform(-1, 1))


def scenario(
    seed: int,
    days: float,
    grounds: Mapping[str, Ground],
    load: Mapping[str, object],
    events: Sequence[Mapping[str, object]] = (),
    server: Kind = Kind.SEQUENTIAL,
    told: bool = True,
) -> Scenario:
    """One workload on these pools, a replica a node, under the default policy in mode Auto."""
    slowest = max(g.milliseconds for g in grounds.values())
    promise = {"milliseconds": round(10 * slowest), "percent": 99} if server is Kind.SEQUENTIAL else kinds.OBJECTIVES[server]
    return Scenario.model_validate(
        {
            "days": days,
            "seed": seed,
            "stepSeconds": STEP,
            "pools": [
                {
                    "name": name,
                    "cpu": 8,
                    "memoryGiB": 32,
                    "replica": {"cpu": 8, "memoryGiB": 32},
                    "pricePerHour": ground.price,
                    "maxNodes": MOST,
                    "claims": [{"metric": "Throughput", "timesTruth": ground.claim}],
                }
                for name, ground in grounds.items()
            ],
            "workloads": [
                {
                    "name": "work",
                    "load": load,
                    **kinds.requests(server),
                    "noise": {"cv": 0.15, "period": "30s"},
                    "objective": promise,
                    "scaling": {"minReplicas": LEAST, "maxReplicas": MOST},
                    "rebalancing": {"mode": "Auto"},
                    "truth": {name: {**_server(g, server), "busyTold": told} for name, g in grounds.items()},
                }
            ],
            "events": list(events),
        }
    )


def _server(ground: Ground, kind: Kind) -> Mapping[str, object]:
    """A truth."""
    if kind is Kind.SEQUENTIAL:
        return {"serviceMilliseconds": ground.milliseconds, "spread": 0.2}
    return kinds.server(kind, 1000 / ground.milliseconds)


def claims(seed: int, days: float, server: Kind = Kind.SEQUENTIAL, told: bool = True) -> Scenario:
    """Three pools whose speed and price are random by up to a factor of 2.8, every claim off by a random factor in [0.5, 2]. Of other kinds of server
    there are few seeds, and all of them are such that the claims mislead."""
    chance = np.random.default_rng([seed, 1])
    grounds = _drawn(chance)
    while (server is not Kind.SEQUENTIAL or not told) and not _misled(grounds):
        grounds = _drawn(chance)
    return scenario(seed, days, grounds, _as_many(server), server=server, told=told)


def _drawn(chance: np.random.Generator) -> Mapping[str, Ground]:
    return {
        name: Ground(
            price=float(2 ** chance.uniform(-0.75, 0.75)), milliseconds=float(1000 * 2 ** chance.uniform(-0.75, 0.75)), claim=off(chance)
        )
        for name in ("ash", "birch", "cedar")
    }


def _misled(grounds: Mapping[str, Ground]) -> bool:
    """Whether a request truly costs MISLED times as much on the pool that is cheapest by the claims as on the cheapest one."""
    true = {name: each.price * each.milliseconds for name, each in grounds.items()}
    trusted = min(grounds, key=lambda name: true[name] / grounds[name].claim)
    return true[trusted] >= MISLED * min(true.values())


def _as_many(kind: Kind) -> Mapping[str, object]:
    """The steady load, for as many replicas of such a server."""
    times = 1.0 if kind is Kind.SEQUENTIAL else kinds.saturation(kind, kinds.server(kind, 1.0))
    return {"steps": [{**step, "rate": step["rate"] * times} for step in STEADY["steps"]]}


def prices(seed: int, days: float) -> Scenario:
    """Real list prices before and after the steps of 2025-06-23, which come after a third of the time. Before them a good request truly
    costs the same on all three pools but for a random factor of up to 1.3."""
    chance = np.random.default_rng([seed, 2])
    listed: dict[str, list[float]] = {}
    with PRICES.open(newline="") as file:
        for row in csv.DictReader(file):
            listed.setdefault(row["instance_type"].split(".")[0], []).append(float(row["usd_h"]))
    grounds = {
        name: Ground(price=before, milliseconds=float(50_000 / before * 1.3 ** chance.uniform(-1, 1)), claim=off(chance))
        for name, (before, _) in listed.items()
    }
    step = days / 3 * DAY
    events = [{"kind": "Price", "pool": name, "at": step, "perHour": after} for name, (_, after) in listed.items()]
    return scenario(seed, days, grounds, STEADY, events)


def _regressing(seed: int, stream: int) -> dict[str, Ground]:
    """Two pools on which a good request costs the same but for a random factor of up to 1.1."""
    chance = np.random.default_rng([seed, stream])
    speed = float(2 ** chance.uniform(-0.5, 0.5))
    other = speed * 1.1 ** float(chance.uniform(-1, 1))
    return {
        "ash": Ground(price=1.0, milliseconds=1000, claim=off(chance)),
        "birch": Ground(price=speed, milliseconds=1000 / other, claim=off(chance)),
    }


def slower(seed: int, days: float) -> Scenario:
    """Each pool becomes 9 % slower by itself for a third of the time, one after the other; then the repair."""
    third = days / 3 * DAY
    events = [
        {"kind": "Slower", "pool": "ash", "at": third / 2, "for": third, "percent": 9},
        {"kind": "Slower", "pool": "birch", "at": third * 1.5, "for": third, "percent": 9},
    ]
    return scenario(seed, days, _regressing(seed, 3), STEADY, events)


def revision(seed: int, days: float) -> Scenario:
    """A new revision is 9 % slower on one pool, and a later one repairs it."""
    third = days / 3 * DAY
    events = [
        {"kind": "NewRevision", "workload": "work", "pool": "ash", "at": third, "percent": 9},
        {"kind": "NewRevision", "workload": "work", "pool": "ash", "at": 2 * third, "percent": 100 / 1.09 - 100},
    ]
    return scenario(seed, days, _regressing(seed, 4), STEADY, events)


_SMALL, _LARGE = Ground(price=1.0, milliseconds=1000, claim=1.0), Ground(price=5.5, milliseconds=80, claim=1.0)


def load_crossing(seed: int, days: float) -> Scenario:
    """Small replicas are cheaper at low load, one large one at high load; every six hours the load swings across the break-even at 3.85
    requests a second. The claims are right."""
    sine = {"mean": 3.85, "amplitude": 2.0, "period": "6h", "peak": f"{seed % 6}h"}
    return scenario(seed, days, {"small": _SMALL, "large": _LARGE}, {"sine": sine})


def price_crossing(seed: int, days: float) -> Scenario:
    """Two pools of the same speed; the price of one changes between 0.85 and 1.15 of the other's every two hours. The claims are right."""
    grounds = {"steady": Ground(price=1.0, milliseconds=1000, claim=1.0), "swinging": Ground(price=0.85, milliseconds=1000, claim=1.0)}
    events = [
        {"kind": "Price", "pool": "swinging", "at": at, "for": "2h", "perHour": 1.15} for at in np.arange(1 + seed % 2, days * 24, 4) * HOUR
    ]
    return scenario(seed, days, grounds, STEADY, events)


def tie(seed: int, days: float) -> Scenario:
    """Two pools that are the same; every claim off by a random factor in [0.5, 2]."""
    chance = np.random.default_rng([seed, 7])
    grounds = {name: Ground(price=1.0, milliseconds=1000, claim=off(chance)) for name in ("ash", "birch")}
    return scenario(seed, days, grounds, STEADY)


CLAIMS, PRICE_STEPS, SLOWER, REVISION, TIE = "claims", "price steps", "pool 9 % slower", "revision 9 % slower", "tie"
CROSSINGS = ("load crossing", "price crossing")
CASES = (
    Case(CLAIMS, 3, 6, claims),
    *(Case(f"claims, {kinds.named(kind, told=told)}", 1, 2, partial(claims, server=kind, told=told)) for kind, told in kinds.OTHERS),
    Case(PRICE_STEPS, 3, 4, prices),
    Case(SLOWER, 3, 3, slower),
    Case(REVISION, 3, 3, revision),
    Case(CROSSINGS[0], 7, 1, load_crossing),
    Case(CROSSINGS[1], 7, 1, price_crossing),
    Case(TIE, 0.5, 20, tie, compared=False),
)


class Trust:
    """What whoever trusts the claims would do, with prices and load of every moment known."""

    def __init__(self, world: Scenario) -> None:
        self._world = world
        (self._entry,) = world.workloads
        self._rates = Rates(self._entry.load, {})
        self._happening = Happening(world)
        self._happening.advance(0.0)

    def __call__(self, at: float) -> tuple[str, int]:
        """As a schedule: the pool whose whole replicas for the present load cost least an hour, and how many they are. To be asked in order of time."""
        if at > self._happening.now:
            self._happening.advance(at)
        rate = float(self._rates.at(np.array([at]))[0])
        found = []
        for pool in self._world.pools:
            price = self._happening.bill(pool) or 0.0
            full = self._entry.truth[pool.name].saturation(self._entry.lengths)
            capacity = (pool.claims[0].times_truth or 1.0) * RHO * full
            replicas = need(rate, capacity, LEAST, MOST)
            found.append((replicas * price, price / capacity, pool.name, replicas))
        _, _, name, replicas = min(found)
        return name, replicas
