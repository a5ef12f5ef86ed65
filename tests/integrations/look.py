"""A look at a route under load: what it sends where, and what is there to carry it. By pool."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from e2e.tenant import WORKLOAD, Tenant, is_ready
from steelyard.core.planning.weights import TOTAL
from steelyard.render.label import POOL

ROUTES = "/apis/gateway.networking.k8s.io/v1"


@dataclass(frozen=True)
class Look:
    """`at`: Unix seconds. `parts`: of the requests, by the route's weights. `ready`: replicas. `carries`: requests per second of one of them, as the
    status tells."""

    at: float
    parts: Mapping[str, float]
    ready: Mapping[str, int]
    carries: Mapping[str, float]

    def room(self, safe: float) -> float:
        """Requests per second that all ready replicas carry together at that part of their capacity."""
        return sum(safe * count * self.carries[pool] for pool, count in self.ready.items())

    def loads(self, rate: float) -> Mapping[str, float]:
        """By how much of its ready capacity each backend is asked for; infinite of one without a ready replica."""
        carried = {pool: self.ready.get(pool, 0) * each for pool, each in self.carries.items()}
        return {pool: part * rate / carried[pool] if carried[pool] else float("inf") for pool, part in self.parts.items() if part}


def look(tenant: Tenant, pools: Sequence[str]) -> Look:
    """As it is now. Replicas are read before weights, which follow them."""
    pods = [p for p in tenant.serving() if not p["metadata"].get("deletionTimestamp") and is_ready(p)]
    ready = Counter(p["metadata"]["labels"][POOL] for p in pods)
    carries = {pool: float(tenant.placement(pool).get("capacityPerReplica") or 0) for pool in pools}
    route = tenant.cluster.api.get(f"{ROUTES}/namespaces/{tenant.namespace}/httproutes/{WORKLOAD}")
    backends = route["spec"]["rules"][0]["backendRefs"] if route else []
    parts = {pool: sum(each["weight"] for each in backends if of_pool(each["name"], pool)) / TOTAL for pool in pools}
    return Look(time.time(), parts, ready, carries)


def part_at(looks: Sequence[Look], pool: str, at: float) -> float:
    """Of the requests that a pool was to get at a moment: as the last look before it saw."""
    return looks[max(0, bisect_right([each.at for each in looks], at) - 1)].parts[pool]


def of_pool(pod: str, pool: str) -> bool:
    """Whether a pod, or a Service, of the workload is of the pool, by its name."""
    return pod.startswith(f"{WORKLOAD}-{pool}-")
