"""What a replica truly carries: the highest load at which its promise holds, found by playing its server alone. What a claim is a multiple of, and
a verdict can be held against."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.resources import Resources
from steelyard.simulate.lengths import Lengths
from steelyard.simulate.queues import Queues
from steelyard.simulate.replica import Replica
from steelyard.simulate.requests import GOOD
from steelyard.simulate.truth import Truth
from steelyard.simulate.workload_entry import ObjectiveEntry

REQUESTS = 6000
WARM_UP = 600
"""Requests at the begin of each load that are not counted."""
HALVINGS = 9
"""Of the logarithm between a hundredth of the saturation and all of it: to less than a percent."""


@lru_cache(maxsize=1024)
def carried(truth: Truth, objective: ObjectiveEntry, lengths: Lengths | None, seed: int = 1) -> float:
    """Requests per second that one replica carries where they arrive by chance; 0 where the promise is broken at any load. It is found to about
    2 %: all loads are played with the same luck."""
    most, allowed = truth.saturation(lengths), 1 - objective.percent / 100
    low, high = np.log(most / 100), np.log(most)
    if missed(truth, objective, lengths, most / 100, seed) > allowed:
        return 0.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        kept = missed(truth, objective, lengths, float(np.exp(middle)), seed) <= allowed
        low, high = (middle, high) if kept else (low, middle)
    return float(np.exp(low))


def missed(truth: Truth, objective: ObjectiveEntry, lengths: Lengths | None, rate: float, seed: int = 1) -> float:
    """The part of the requests that are not good at that load of one replica."""
    chance = np.random.default_rng([seed, 1])
    came = np.cumsum(chance.exponential(1 / rate, REQUESTS))
    sizes = lengths.draw(REQUESTS, np.random.default_rng([seed, 2])) if lengths else None
    one = one_replica(truth)
    found = Queues(objective.promise, np.random.default_rng([seed, 3])).serve([one], came, float("inf"), sizes)
    counted = found.done - found.latency >= came[WARM_UP]
    return float(np.mean(found.outcome[counted] != GOOD))


def one_replica(truth: Truth, number: int = 1) -> Replica:
    """A replica in no cluster."""
    return Replica(
        number=number,
        workload="",
        key=PlacementKey("", ""),
        image="",
        resources=Resources(1, 1),
        created=0.0,
        server=truth.server(),
        errors=truth.error_percent / 100,
    )
