"""A fleet by seed: workloads, pools whose cheap ones are scarce, and what is claimed of them. Everything random is drawn here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

import numpy as np

from bench.loop.waiting import Reals
from steelyard.simulate.arrivals import Trace
from steelyard.simulate.scenario import Scenario

DAY, HOUR = 86_400, 3600
STEP = 15
WARM_UP = 3600
"""Seconds in which the load grows to its first rate and stays there. They are not counted."""
PERIOD = 300
"""Seconds between the points of a load."""
NODE_SECONDS, START_SECONDS = 60, 60
SIZE = {"cpu": 8, "memoryGiB": 32}
PERCENT = 99
LONG = 8.0
"""The promise, as a multiple of the service time on the slowest pool."""
BUSY = 0.6
"""What a replica is counted with where it is decided how scarce pools are."""
SCARCE = 0.3
"""The part of what all workloads need that the cheap pools together hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """claims: true, or wrong: each pool's claimed throughput is off by a random factor in [0.5, 2]."""

    workloads: int
    pools: int
    claims: str
    seconds: int
    seed: int
    scenario: Scenario
    traces: Mapping[str, Trace]


def shortest(seconds: int = DAY // 4, *, bake: int | None = None) -> Case:
    """Three equal workloads that need three replicas each, two nodes of a cheap pool, and fifty of another. bake: seconds, other than by default."""
    truth = {"serviceMilliseconds": 500, "startSeconds": START_SECONDS}
    workload = {
        "load": {"trace": {"file": "equal"}},
        "objective": {"milliseconds": 4000, "percent": PERCENT},
        "truth": {"cheap": truth, "plenty": truth},
    }
    return _case(
        3,
        "true",
        seconds,
        0,
        [_pool("cheap", 0.5, 2, 1.0), _pool("plenty", 1.0, 50, 1.0)],
        dict.fromkeys(("one", "two", "three"), workload),
        {"equal": _trace(np.full(seconds // PERIOD, 4.0))},
        bake,
    )


def drawn(workloads: int, pools: int, *, claims: str, seconds: int, seed: int, bake: int | None = None) -> Case:
    """Workloads with a day's wave of their own. One pool has room for all; a replica of the others costs less, or carries more than it costs
    more, by random factors for each workload, and they hold a part of all. bake: as above."""
    chance = np.random.default_rng([seed, workloads, pools])
    base = 200 * 3 ** chance.random(workloads)  # Milliseconds.
    mean = (6 + 6 * chance.random(workloads)) * 1000 / base * BUSY / 3  # Two to four replicas.
    names = ["plenty", *(f"cheap-{i}" for i in range(1, pools))]
    price = np.concatenate(([1.0], 0.45 + 0.4 * chance.random(pools - 1)))
    speed = np.concatenate((np.ones((workloads, 1)), 2 ** chance.uniform(-0.4, 0.4, (workloads, pools - 1))), axis=1)
    # The last one is large: it carries three times as much, and costs somewhat less than three times the price.
    price[-1], speed[:, -1] = 3 * price[-1], 3 * speed[:, -1]
    needed = float((mean * base / 1000).sum() / BUSY)
    room = np.concatenate(([10 * needed], SCARCE * needed / (pools - 1) / speed[:, 1:].mean(axis=0)))
    off = 2 ** chance.uniform(-1, 1, pools) if claims == "wrong" else np.ones(pools)
    entries, traces = {}, {}
    moments = np.arange(seconds // PERIOD) * PERIOD
    for at in range(workloads):
        name = f"work-{at:03}"
        swing = 1 + chance.uniform(0.2, 0.6) * np.cos(2 * np.pi * (moments / DAY - chance.random()))
        traces[name] = _trace(mean[at] * swing)
        milliseconds = base[at] / speed[at]
        entries[name] = {
            "load": {"trace": {"file": name}},
            "objective": {"milliseconds": ceil(LONG * milliseconds.max()), "percent": PERCENT},
            "truth": {
                pool: {"serviceMilliseconds": float(takes), "startSeconds": START_SECONDS}
                for pool, takes in zip(names, milliseconds, strict=True)
            },
        }
    made = [_pool(*each) for each in zip(names, price.tolist(), [max(1, round(r)) for r in room], off.tolist(), strict=True)]
    return _case(workloads, claims, seconds, seed, made, entries, traces, bake)


def _case(
    workloads: int,
    claims: str,
    seconds: int,
    seed: int,
    pools: list[Mapping[str, object]],
    entries: Mapping[str, Mapping[str, object]],
    traces: Mapping[str, Trace],
    bake: int | None,
) -> Case:
    rebalancing = {"mode": "Auto"} if bake is None else {"mode": "Auto", "bakeSeconds": bake}
    common = {"scaling": {"minReplicas": 1, "maxReplicas": 20}, "rebalancing": rebalancing}
    scenario = Scenario.model_validate(
        {
            "days": (WARM_UP + seconds) / DAY,
            "seed": seed,
            "stepSeconds": STEP,
            "movesAtOnce": max(1, workloads // 10),
            "pools": pools,
            "workloads": [{"name": name, **common, **entry} for name, entry in entries.items()],
        }
    )
    return Case(workloads=workloads, pools=len(pools), claims=claims, seconds=seconds, seed=seed, scenario=scenario, traces=traces)


def _pool(name: str, price: float, most: int, claimed: float) -> Mapping[str, object]:
    return {
        "name": name,
        **SIZE,
        "replica": SIZE,
        "pricePerHour": price,
        "maxNodes": most,
        "nodeSeconds": NODE_SECONDS,
        "pullSeconds": 0,
        "emptySeconds": STEP,
        "claims": [{"metric": "Throughput", "timesTruth": claimed}],
    }


def _trace(rates: Reals) -> Trace:
    moments = np.concatenate(([0.0, WARM_UP / 2], WARM_UP + np.arange(rates.size) * float(PERIOD)))
    return Trace(moments, np.concatenate(([0.05 * rates[0], rates[0]], rates)), float(moments[-1] + DAY))
