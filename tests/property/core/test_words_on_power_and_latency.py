"""Words on claims of power and of latency, in worlds whose truth is known: looked at after each window, they are wrong in one world of a hundred at
most, and they come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from itertools import product
from math import inf
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from steelyard.core.economics.energy import unit_energy
from steelyard.core.facts.capacity import Basis, Capacity, Saturation
from steelyard.core.facts.claim import Claim, ClaimMetric, OperatingPoint
from steelyard.core.facts.memory import Known, VerdictWord
from steelyard.core.facts.snapshot import LatencyObjective
from steelyard.core.facts.window import Window
from steelyard.core.performance.evidence import remember
from steelyard.core.performance.percentile import percentile
from steelyard.core.rebalancing.beside import STEEPEST
from steelyard.core.rebalancing.claims import verdicts
from steelyard.core.rebalancing.verdict import TOLERANCE
from steelyard.core.statistics.interval import Interval
from unit.core.told_options import told
from unit.core.world import START

WORLDS = 40
WINDOWS, SECONDS, LEAST = 24, 60.0, 300
EDGES = (*(0.002 * 1.3**n for n in range(40)), inf)
OFF = (0.5, 0.7, 0.86, 0.95, 1.0, 1.2, 1.6)
"""What is claimed, over the truth: below 1 / (1 + TOLERANCE) too much is promised."""
LAWS = ("constant", "exponential", "lognormal")
Reals = NDArray[np.float64]


def latencies(law: str, full: float, count: int, chance: np.random.Generator) -> Reals:
    """From arrival to answer, in service times, of one server at that utilisation."""
    taken = {
        "constant": np.ones(count),
        "exponential": chance.exponential(1.0, count),
        "lognormal": chance.lognormal(-0.125, 0.5, count),
    }[law]
    steps = np.cumsum(np.concatenate(([0.0], taken[:-1] - chance.exponential(1 / full, count - 1))))
    waits: Reals = steps - np.minimum.accumulate(steps)
    return waits + taken


@lru_cache(maxsize=64)
def true_percentile(law: str, full: float, share: float) -> float:
    return float(np.quantile(latencies(law, full, 2_000_000, np.random.default_rng(1)), share))


@dataclass(frozen=True)
class Pool:
    """One replica. `takes`: seconds of a request; `full`: part of what it completes at most that it is asked for; `kept`: up to which the objective
    holds. `watts`: idle and full, with a power of the utilisation in between."""

    law: str
    takes: float
    full: float
    kept: float
    watts: tuple[float, float]
    bend: float

    def power(self, full: float) -> float:
        idle, most = self.watts
        return idle + (most - idle) * full**self.bend


def drawn(number: int) -> tuple[Pool, Pool, float]:
    """Two pools of one kind of server, and the percent that the objective speaks of."""
    chance = Random(number)
    law, full = chance.choice(LAWS), chance.choice((0.4, 0.5, 0.6, 0.7))

    def pool(full: float) -> Pool:
        idle = chance.uniform(20, 100)
        return Pool(
            law,
            chance.uniform(0.01, 0.05),
            full,
            full / chance.uniform(0.6, 0.95),
            (idle, idle * chance.uniform(1.5, 6)),
            chance.uniform(0.4, 1),
        )

    return pool(full), pool(chance.choice((full, full, round(full - 0.05, 2)))), chance.choice((95.0, 99.0))


def windows(pool: Pool, number: int) -> Sequence[Window]:
    chance = np.random.default_rng(number)
    rate = pool.full / pool.takes
    counts = chance.poisson(rate * SECONDS, WINDOWS)
    took = pool.takes * latencies(pool.law, pool.full, int(counts.sum()), chance)
    made, at = [], 0
    for n, count in enumerate(counts.tolist()):
        some, at = took[at : at + count], at + count
        made.append(
            Window(
                start=START + timedelta(seconds=n * SECONDS),
                end=START + timedelta(seconds=(n + 1) * SECONDS),
                good=count,
                slow=0,
                error=0,
                shed=0,
                replica_seconds=SECONDS,
                busy_seconds=pool.full * SECONDS,
                cost=1.0,
                steady=True,
                p99_milliseconds=1.0,
                buckets={edge: int((some <= edge).sum()) for edge in EDGES},
                joules=pool.power(count * pool.takes / SECONDS) * SECONDS * float(chance.normal(1.0, 0.02)),
            )
        )
    return made


def known(name: str, pool: Pool, seen: Sequence[Window], percent: float, noise: Random) -> Known:
    """As evidence of these windows, with a capacity and a saturation that are off by some percent within their intervals."""
    kept, full = (part / pool.takes * noise.uniform(0.98, 1.02) for part in (pool.kept, 1.0))
    objective = LatencyObjective(metric="e2e", milliseconds=1, percent=percent)
    return Known(
        pool=name,
        revision="r",
        capacity=Capacity(Interval(kept, kept * 0.97, kept * 1.03), Basis.MEASURED, sum(w.good for w in seen)),
        saturation=Saturation(Interval(full, full * 0.97, full * 1.03), sum(w.good for w in seen)),
        p99_milliseconds=1.0,
        steady=True,
        energy=unit_energy(seen[-16:], noise),
        percentile=percentile(seen, kept, objective),
    )


def claims(mine: Pool, theirs: Pool, percent: float) -> Iterable[tuple[Claim, float]]:
    """Each with how much of the truth it claims."""
    truths = {
        (ClaimMetric.POWER, OperatingPoint.OBJECTIVE): (mine.power(mine.kept), theirs.power(theirs.kept)),
        (ClaimMetric.POWER, OperatingPoint.SATURATION): (mine.power(1.0), theirs.power(1.0)),
    }
    for ((metric, at), (own, other)), off in product(truths.items(), OFF):
        yield Claim(name=f"{metric} {at} {off}", metric=metric, value=own * off, unit="Watts", stated=at), off
        yield Claim(name=f"{metric} {at} ratio {off}", metric=metric, ratio=own / other * off, relative_to="b", stated=at), off
    slow = 1000 * mine.takes * true_percentile(mine.law, mine.full, percent / 100)
    for off in OFF:
        yield Claim(name=f"Latency {off}", metric=ClaimMetric.LATENCY, value=slow * off, unit="Milliseconds"), off
        yield Claim(name=f"Latency ratio {off}", metric=ClaimMetric.LATENCY, ratio=mine.takes / theirs.takes * off, relative_to="b"), off


def words(number: int) -> Iterable[tuple[str, float, set[VerdictWord]]]:
    """Of each claim: its kind, how much of the truth it claims, and what was said of it at any look."""
    mine, theirs, percent = drawn(number)
    claimed = tuple(claims(mine, theirs, percent))
    said: dict[str, set[VerdictWord]] = {claim.name: set() for claim, _ in claimed}
    kept: dict[str, Known | None] = {"a": None, "b": None}
    shown = {"a": windows(mine, 2 * number), "b": windows(theirs, 2 * number + 1)}
    for look in range(4, WINDOWS + 1):
        for name, pool in (("a", mine), ("b", theirs)):
            noise = Random(f"{number}/{name}")
            kept[name] = remember(kept[name], known(name, pool, shown[name][:look], percent, noise), LEAST)
        a, b = (replace(k, pool=n) for n, k in kept.items() if k is not None)
        options = (told(a, *(claim for claim, _ in claimed)), told(b))
        for verdict in verdicts(options, "hf://any/model", LEAST, ()):
            said[verdict.name].add(verdict.verdict)
    for claim, off in claimed:
        yield claim.name.removesuffix(f" {off}"), off, said[claim.name]


def count(numbers: Iterable[int]) -> tuple[Counter[str], Counter[str], Counter[str], Counter[str]]:
    """By kind of claim: claims, those with a wrong word at any look, those that are far off or exact, and those of them that were judged."""
    every, wrong, clear, judged = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for number in numbers:
        for kind, off, said in words(number):
            too_much = off * (1 + TOLERANCE) < 1
            every[kind] += 1
            wrong[kind] += (VerdictWord.CONFIRMED if too_much else VerdictWord.REFUTED) in said
            if off in {0.5, 1.6}:
                clear[kind] += 1
                judged[kind] += bool(said - {VerdictWord.INCONCLUSIVE})
    return every, wrong, clear, judged


def test_words_on_power_and_latency_are_seldom_wrong_and_come() -> None:
    every, wrong, clear, judged = count(range(WORLDS))
    assert sum(every.values()) == WORLDS * 6 * len(OFF)
    assert sum(wrong.values()) <= 0.01 * sum(every.values()), wrong
    for kind in ("Power Objective", "Power Objective ratio", "Power Saturation", "Latency"):
        assert judged[kind] >= 0.7 * clear[kind], (kind, judged[kind], clear[kind])
    # Of loads far from saturation, and of two histograms of which each leaves a bucket open, little can be said.
    assert all(judged.values()), judged


@pytest.mark.parametrize("share", [0.9, 0.95, 0.99, 0.999])
def test_a_latency_grows_with_the_load_by_no_more_than_is_allowed_for(share: float) -> None:
    for law in LAWS:
        found = {full: true_percentile(law, full, share) for full in (0.2, 0.35, 0.5, 0.65, 0.8, 0.9)}
        for one, other in product(found, found):
            if one < other:
                assert 0.98 <= found[other] / found[one] <= 1.03 * ((1 - one) / (1 - other)) ** STEEPEST, (law, one, other)
