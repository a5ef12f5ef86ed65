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
WARM_UP = 10
"""One request of so many, at the begin of each load, is not counted."""
HALVINGS = 9
"""Of the logarithm between a hundredth of the saturation and all of it: to less than a percent."""
LUCK, FINER = 0.1, 5
"""Part by which a run of REQUESTS may be off, and halvings of twice that by a longer one: to less than a percent."""


@lru_cache(maxsize=1024)
def carried(truth: Truth, objective: ObjectiveEntry, lengths: Lengths | None, seed: int = 1, requests: int = REQUESTS) -> float:
    """Requests per second that one replica carries where they arrive by chance; 0 where the promise is broken at any load. All loads are played with
    the same luck: near saturation, where a queue remembers for long, REQUESTS find up to 6 % more than there is, and 40,000 are within 1 %."""
    most, allowed = truth.saturation(lengths), 1 - objective.percent / 100
    low, high = float(np.log(most / 100)), float(np.log(most))
    if missed(truth, objective, lengths, most / 100, seed) > allowed:
        return 0.0
    for halvings, many in ((HALVINGS, REQUESTS), (FINER, requests)) if requests > REQUESTS else ((HALVINGS, REQUESTS),):
        if many > REQUESTS:
            low, high = low - LUCK, min(high + LUCK, float(np.log(most)))
        for _ in range(halvings):
            middle = (low + high) / 2
            kept = missed(truth, objective, lengths, float(np.exp(middle)), seed, many) <= allowed
            low, high = (middle, high) if kept else (low, middle)
    return float(np.exp(low))


def missed(truth: Truth, objective: ObjectiveEntry, lengths: Lengths | None, rate: float, seed: int = 1, requests: int = REQUESTS) -> float:
    """The part of the requests that are not good at that load of one replica."""
    chance = np.random.default_rng([seed, 1])
    came = np.cumsum(chance.exponential(1 / rate, requests))
    sizes = lengths.draw(requests, np.random.default_rng([seed, 2])) if lengths else None
    one = one_replica(truth)
    found = Queues(objective.promise, np.random.default_rng([seed, 3])).serve([one], came, float("inf"), sizes)
    counted = found.done - found.latency >= came[requests // WARM_UP]
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
