"""The front of one workload: it sends each request to a ready replica by chance, as kube-proxy does, each with the same share, or by weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from steelyard.core.facts.identity import PlacementKey
from steelyard.simulate.replica import Replica
from steelyard.simulate.requests import Whole


class Front:
    """`parts`: of the requests, by placement, for whoever sets them; a placement that is not in it gets none, and its replicas get equal shares.
    Without parts, or where none of theirs is ready, each replica is sent requests in proportion to its own weight."""

    def __init__(self, chance: np.random.Generator) -> None:
        self._chance = chance
        self.parts: Mapping[PlacementKey, float] = {}

    def send(self, replicas: Sequence[Replica], requests: int) -> Whole:
        """Which of the replicas each request goes to."""
        if len(replicas) == 1:
            return np.zeros(requests, np.int64)
        weights = self._weights(replicas)
        if min(weights) == max(weights):
            return self._chance.integers(0, len(replicas), requests)
        return self._chance.choice(len(replicas), requests, p=np.array(weights) / sum(weights))

    def _weights(self, replicas: Sequence[Replica]) -> list[float]:
        if self.parts:
            keys = [r.key for r in replicas]
            parts = [self.parts.get(key, 0.0) / keys.count(key) for key in keys]
            if any(parts):
                return parts
        return [r.weight for r in replicas]
