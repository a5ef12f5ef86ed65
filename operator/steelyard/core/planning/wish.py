"""Moves that workloads would begin now, and whose turn it is: where not all may be under way at once, namespaces take turns, and in each those begin
first that gain most for what they cost."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from steelyard.core.facts.identity import WorkloadKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A move that every gate lets pass but those that ask whether there is room and whose turn it is.

    gain: what it saves within the payback time over what the move costs. pool: where it goes; nodes: of that pool that it takes; saving: money
    per hour. room: whether other workloads leave as many there. under_way: moves of other workloads, and at_once how many there may be;
    in_namespace, at_once_in_namespace: the same two of its own namespace; by_pool: (pool, the same two of it) of both ends.
    """

    gain: float
    pool: str
    nodes: float
    saving: float
    room: bool
    under_way: int
    at_once: int
    in_namespace: int
    at_once_in_namespace: int
    by_pool: tuple[tuple[str, int, int], ...]


Wishes = Mapping[WorkloadKey, tuple[Wish, ...]]


def turns(wishes: Wishes) -> frozenset[WorkloadKey]:
    """Who may begin, as many as may be under way together with those that are: from the namespace with fewest of them the move that gains most; where
    namespaces have as many, that which gains more. What has no room takes nobody's turn."""
    ready = [(key, one) for key, each in wishes.items() for one in each if one.room]
    lines: defaultdict[str, deque[tuple[WorkloadKey, Wish]]] = defaultdict(deque)
    for key, one in sorted(ready, key=_by_gain):
        lines[key.namespace].append((key, one))
    heads = [_head(line, line[0][1].in_namespace) for line in lines.values()]
    heapify(heads)
    chosen: set[WorkloadKey] = set()
    begun: Counter[str] = Counter()
    while heads:
        moves, _, first, _ = heappop(heads)
        line = lines[first.namespace]
        key, one = line.popleft()
        fits = one.under_way + len(chosen) < one.at_once and moves < one.at_once_in_namespace
        if fits and all(of + begun[pool] < most for pool, of, most in one.by_pool) and key not in chosen:
            chosen.add(key)
            begun.update(pool for pool, _, _ in one.by_pool)
            moves += 1
        if line:
            heappush(heads, _head(line, moves))
    return frozenset(chosen)


def _by_gain(entry: tuple[WorkloadKey, Wish]) -> tuple[float, WorkloadKey, str]:
    key, one = entry
    return -one.gain, key, one.pool


def _head(line: deque[tuple[WorkloadKey, Wish]], moves: int) -> tuple[int, float, WorkloadKey, str]:
    """Whose turn it is among namespaces: by their moves, and by what the first in line gains."""
    return moves, *_by_gain(line[0])


def gained(wishes: Iterable[Wish]) -> dict[str, float]:
    """Money per hour that a node is worth to those who wait for one, on average, by pool: so those who would make room for all of them gain
    together what the exchange gains."""
    saving: Counter[str] = Counter()
    nodes: Counter[str] = Counter()
    for one in wishes:
        saving[one.pool] += one.saving  # type: ignore[assignment]
        nodes[one.pool] += one.nodes  # type: ignore[assignment]
    return {pool: saving[pool] / many for pool, many in sorted(nodes.items()) if many > 0}
