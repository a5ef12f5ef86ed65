"""Cases: by hand, from a catalogue, and seeded random families. Costs are dollars per hour, loads requests per second."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from bench.peering.case import Case, Classes, Reals, Whole, single
from bench.peering.optimum import optimum

DATA = Path(__file__).parents[1] / "data/peers"
SEEDS = 20
Chance = np.random.Generator


def cases(*, quick: bool) -> Iterator[Case]:
    """All of them; two of each random family where it is to be quick."""
    yield from by_hand()
    yield from catalogue()
    for number, (family, make) in enumerate(FAMILIES.items()):
        for seed in range(2 if quick else SEEDS):
            case = make(np.random.default_rng([number, seed]))
            yield replace(case, name=f"{family}/{seed:02}")


def by_hand() -> Iterator[Case]:
    """Small enough to solve on paper; the answers are in the tests."""
    capacity, cost = np.array([25.0, 10.0]), np.array([2.0, 1.0])
    yield single("by hand/one large, one small", 35, capacity, cost)
    yield single("by hand/one large held", 10, capacity, cost, current=np.array([1, 0]), added=np.array([1.5, 1.5]))
    yield single("by hand/too little room", 35, capacity, cost, limit=np.array([1, 0]))
    # The example of Mélange's repository: A10G and A100-80GB, four classes of 30 requests/s.
    rate, share = np.array([[2.0, 20], [1, 20], [5, 40], [2, 20]]), np.array([0.2, 0.1, 0.5, 0.2])
    for routed in (False, True):
        name = "by hand/Melange's example" + (" routed by length" if routed else "")
        yield _lengths(name, 30, share, rate, np.array([1.01, 3.67]), routed=routed)


def catalogue() -> Iterator[Case]:
    """Published throughput on three small instances and two large ones at list price."""
    with (DATA / "price.csv").open() as prices, (DATA / "throughput.csv").open() as throughput:
        price = {row["instance"]: float(row["usd_per_hour"]) for row in csv.DictReader(prices)}
        published = list(csv.DictReader(throughput))
    small, large = ("inf1.xlarge", "inf2.xlarge", "trn1.2xlarge"), ("inf2.48xlarge", "trn1.32xlarge")
    encoders = ("bert-base-uncased", "distilbert-base-uncased")
    rate = {(row["model"], row["instance"]): float(row["throughput"]) for row in published if row["model"] in encoders}
    capacity = np.array([[rate[model, instance] for instance in small] for model in encoders])
    cost = np.array([price[instance] for instance in small])
    for load in (2_000, 5_000, 12_000, 30_000):
        for model, rates in zip(encoders, capacity, strict=True):
            yield single(f"catalogue/{model} {load}", load, rates, cost)
            yield single(f"catalogue/{model} {load} limited", load, rates, cost, limit=np.array([2, 4, np.inf]))
        yield Case(
            name=f"catalogue/both {load}",
            load=np.array([load, load / 2]),
            capacity=capacity,
            cost=np.array([cost, cost]),
            devices=np.ones((2, 3), dtype=np.int64),
            limit=np.array([2, 4, np.inf]),
            current=np.zeros((2, 3), dtype=np.int64),
            added=np.zeros((2, 3)),
        )
    tokens = [row for row in published if row["model"] == "llama-2-70b"]
    by_length = np.array([[float(r["throughput"]) / float(r["out_tokens"]) for r in tokens if r["instance"] == i] for i in large]).T
    even = np.full(len(by_length), 1 / len(by_length))
    for few in (0.2, 0.5, 1.0):
        for routed in (False, True):
            name = f"catalogue/llama-2-70b {few}" + (" routed by length" if routed else "")
            yield _lengths(name, few, even, by_length, np.array([price[i] for i in large]), routed=routed)


def _uniform(chance: Chance) -> Case:
    """Nothing but prices: capacity and cost per capacity are uniform."""
    pools = int(chance.integers(2, 6))
    capacity = chance.uniform(2, 20, pools)
    return single("", chance.uniform(1.5, 8) * capacity.mean(), capacity, capacity * chance.uniform(0.06, 0.14, pools))


def _scale(chance: Chance) -> Case:
    """The larger, the cheaper a request: cost grows with size^0.85."""
    size = np.array([1.0, 2, 4, 8])
    return single("", chance.uniform(5, 40), size * chance.uniform(2.7, 3.3, 4), 0.3 * size**0.85)


def _limits(chance: Chance) -> Case:
    """The two pools of lowest cost per capacity carry 15 to 35 % of the load each."""
    case = _uniform(chance)
    limit = np.full(case.limit.size, np.inf)
    for p in np.argsort(case.cost[0] / case.capacity[0])[: min(2, limit.size - 1)]:
        limit[p] = np.floor(case.load[0] / case.capacity[0, p] * chance.uniform(0.15, 0.35))
    return replace(case, limit=limit)


def _dominated(chance: Chance) -> Case:
    """One pool more, dearer than another and no faster."""
    case = _uniform(chance)
    p = int(chance.integers(case.limit.size))
    worse = np.append(case.capacity[0], case.capacity[0, p] * chance.uniform(0.8, 1)), np.append(case.cost[0], case.cost[0, p] * 1.1)
    return single("", float(case.load[0]), *worse)


def _nothing_fits(chance: Chance) -> Case:
    """All devices together carry 50 to 99 % of the load; in one case of four no pool keeps the promise at all."""
    case = _uniform(chance)
    if chance.random() < 0.25:
        return replace(case, capacity=np.zeros_like(case.capacity))
    part = chance.dirichlet(np.ones(case.limit.size)) * chance.uniform(0.5, 0.99)
    return replace(case, limit=np.floor(case.load[0] * part / case.capacity[0]))


def _from(chance: Chance, *, least: float, most: float) -> Case:
    """From the optimum at another load, `least` to `most` times this one; a new replica costs 10 to 50 % more than its price."""
    case = _uniform(chance)
    present = optimum(replace(case, load=case.load * chance.uniform(least, most))).replicas
    assert present is not None
    return replace(case, current=present, added=case.cost * chance.uniform(0.1, 0.5))


def _several(chance: Chance) -> Case:
    """Workloads that share pools. Most pools hold 30 to 70 % of what they would get without a limit; the first serves all and has none."""
    workloads, pools = int(chance.integers(3, 7)), int(chance.integers(3, 5))
    devices = chance.choice(np.array([1, 2, 4]), (1, pools)) * np.ones((workloads, 1), dtype=np.int64)
    capacity = devices * chance.uniform(2, 8, (workloads, pools)) * (chance.random((workloads, pools)) < 0.8)
    capacity[:, 0] = np.maximum(capacity[:, 0], 2.0)
    none: Whole = np.zeros((workloads, pools), dtype=np.int64)
    case = Case(
        name="",
        load=chance.uniform(10, 60, workloads),
        capacity=capacity,
        cost=np.broadcast_to(devices[0] * chance.uniform(0.3, 0.7, pools), capacity.shape).copy(),
        devices=devices,
        limit=np.full(pools, np.inf),
        current=none,
        added=np.zeros((workloads, pools)),
    )
    free = optimum(case).replicas
    assert free is not None
    cut = np.where(chance.random(pools) < 0.7, np.floor((free * devices).sum(axis=0) * chance.uniform(0.3, 0.7, pools)), np.inf)
    cut[0] = np.inf
    return replace(case, limit=cut)


def _several_nothing_fits(chance: Chance) -> Case:
    """As before, and pools that had no limit hold 20 to 50 % of what the best plan asks of them."""
    case = _several(chance)
    needed = optimum(case).replicas
    assert needed is not None
    limit = case.limit.copy()
    limit[~np.isfinite(limit)] = np.floor((needed * case.devices).sum(axis=0)[~np.isfinite(limit)] * chance.uniform(0.2, 0.5))
    return replace(case, limit=limit)


def _by_length(chance: Chance, *, routed: bool) -> Case:
    """Requests of three lengths are 1, 4 and 12 units of work, and a pool is up to 2.5 times slower with some than with others."""
    pools = int(chance.integers(2, 5))
    speed = chance.uniform(10, 60, pools)
    rate = speed / np.array([1.0, 4, 12])[:, None] / chance.uniform(1, 2.5, (3, pools))
    return _lengths(
        "", chance.uniform(5, 30), chance.dirichlet(np.ones(3)), rate, speed * chance.uniform(0.015, 0.025, pools), routed=routed
    )


def _lengths(name: str, load: float, share: Reals, rate: Reals, cost: Reals, *, routed: bool) -> Case:
    classes = Classes(share=share, rate=rate, routed=routed)
    return single(name, load, classes.of_the_mix(), cost, classes=classes)


FAMILIES: dict[str, Callable[[Chance], Case]] = {
    "uniform": _uniform,
    "scale": _scale,
    "limits": _limits,
    "dominated": _dominated,
    "nothing fits": _nothing_fits,
    "growth": partial(_from, least=0.4, most=0.9),
    "decline": partial(_from, least=1.2, most=3.0),
    "several": _several,
    "several, nothing fits": _several_nothing_fits,
    "lengths, mixed": partial(_by_length, routed=False),
    "lengths, routed": partial(_by_length, routed=True),
}
