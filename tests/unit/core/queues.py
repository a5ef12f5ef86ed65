"""Servers with Poisson arrivals, played request by request: what the laws of latency are held against."""

import heapq
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from steelyard.core.statistics.histogram import Buckets

Reals = NDArray[np.float64]

EDGES = (1, 2.5, 5, 10, 25, 50, 75, 100, 150, 200, 300, 400, 600, 800, 1200, 1600, 2400, 3200, 5000, 10000, 30000)
"""Milliseconds: the buckets of the server."""


def workers(rate: float, services: Reals, count: int, chance: np.random.Generator) -> Reals:
    """Seconds from arrival to answer with `count` workers and one queue, for requests with these service times."""
    arrivals = np.cumsum(chance.exponential(1 / rate, len(services)))
    free = [0.0] * count
    latencies = np.empty(len(services))
    for i, (came, service) in enumerate(zip(arrivals, services, strict=True)):
        done = max(came, heapq.heappop(free)) + service
        heapq.heappush(free, done)
        latencies[i] = done - came
    return latencies


def batches(rate: float, fixed: float, each: float, most: int, n: int, chance: np.random.Generator) -> Reals:
    """The same for a server that takes up to `most` of those that wait, and fixed + each * size seconds for them."""
    arrivals = np.cumsum(chance.exponential(1 / rate, n))
    latencies = np.empty(n)
    first, now = 0, 0.0
    while first < n:
        now = max(now, arrivals[first])
        last = min(int(np.searchsorted(arrivals, now, side="right")), first + most)
        now += fixed + each * (last - first)
        latencies[first:last] = now - arrivals[first:last]
        first = last
    return latencies


KINDS: dict[str, tuple[float, Callable[[float, int, np.random.Generator], Reals]]] = {
    "M/D/1": (50.0, lambda rate, n, chance: workers(rate, np.full(n, 0.02), 1, chance)),
    "M/M/1": (50.0, lambda rate, n, chance: workers(rate, chance.exponential(0.02, n), 1, chance)),
    "M/G/1, service times of deviation 1": (
        50.0,
        lambda rate, n, chance: workers(rate, 0.02 * chance.lognormal(-np.log(2) / 2, np.sqrt(np.log(2)), n), 1, chance),
    ),
    "M/M/4": (50.0, lambda rate, n, chance: workers(rate, chance.exponential(0.08, n), 4, chance)),
    "batches of at most 8": (80.0, lambda rate, n, chance: batches(rate, 0.02, 0.01, 8, n, chance)),
    "batches of at most 32": (178.0, lambda rate, n, chance: batches(rate, 0.02, 0.005, 32, n, chance)),
}
"""Name -> (requests per second at which it saturates, (rate, requests, chance) -> latencies in seconds)."""


def buckets(latencies: Reals) -> Buckets:
    """As the server would count them."""
    return {edge: int((latencies <= edge).sum()) for edge in (*(edge / 1000 for edge in EDGES), np.inf)}
