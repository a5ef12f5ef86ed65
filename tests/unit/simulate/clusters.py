"""A cluster with one workload on two pools, driven by hand: what the decisions would ask for is asked here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from steelyard.api.parse import parse
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import Placement
from steelyard.core.placing.intent import Intent, PlacementIntent
from steelyard.simulate.cluster import Cluster
from steelyard.simulate.happening import Happening
from steelyard.simulate.replica import Replica
from steelyard.simulate.scenario import Scenario

STEP = 15.0
HALF = Resources(2, 8)
"""Of a node."""
MADE: Mapping[str, Any] = {
    "name": "made",
    "cpu": 4,
    "memoryGiB": 16,
    "maxNodes": 4,
    "nodeSeconds": 60,
    "pullSeconds": 45,
    "pricePerHour": 1,
}
STANDING: Mapping[str, Any] = {"name": "standing", "cpu": 4, "memoryGiB": 16, "nodes": 3, "pullSeconds": 0, "pricePerHour": 2}


def scenario(*events: Mapping[str, Any], made: Mapping[str, Any] = MADE, **truth: Any) -> Scenario:
    here = {"serviceMilliseconds": 20, "startSeconds": 30, **truth}
    raw = {
        "pools": [made, STANDING],
        "workloads": [
            {"name": "w", "load": {"constant": 1}, "objective": {"milliseconds": 100}, "truth": {"made": here, "standing": here}}
        ],
        "events": list(events),
    }
    found = parse(Scenario, raw)
    assert isinstance(found, Scenario), found
    return found


class Hands:
    """Orders are given by pool, in one revision; `wait` lets time pass and tells who ended with requests unanswered."""

    def __init__(self, found: Scenario, size: Resources = HALF) -> None:
        self.happening = Happening(found)
        self.now = 0.0
        self.happening.advance(self.now)
        self.cluster = Cluster(found, self.happening, self.now, np.random.default_rng(1))
        self.size = size
        self.busy: set[int] = set()
        self.ended: list[Replica] = []

    def want(self, pool: str, count: int) -> None:
        key = PlacementKey(pool, "r")
        if ("w", key) in self.cluster.deployments:
            self.cluster.obey("w", Intent(workload=WorkloadKey("ns", "w"), workload_uid="u", scale={key: count}))
        else:
            self.cluster.obey("w", Intent(workload=WorkloadKey("ns", "w"), workload_uid="u", create=(self.order(key, count),)))

    def remove(self, pool: str) -> None:
        self.cluster.obey("w", Intent(workload=WorkloadKey("ns", "w"), workload_uid="u", gone=(PlacementKey(pool, "r"),)))

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += STEP
            self.happening.advance(self.now)
            self.ended += self.cluster.advance(lambda replica: replica.number in self.busy)

    def seen(self, pool: str) -> Placement:
        return self.cluster.placement("w", PlacementKey(pool, "r"))

    def nodes(self, pool: str) -> int:
        return len(self.cluster.nodes[pool].all)

    def order(self, key: PlacementKey, count: int) -> PlacementIntent:
        return PlacementIntent(
            key=key, asked="a", replicas=count, backend="b", image="i", artifact_uri="u", artifact_digest="d", model_name="m", task="t",
            latency=(), batch_sizes=(1,), resources=self.size, resource_name=None, family="cpu", node_selector={}, tolerations=(), scheduler=None,
        )  # fmt: skip
