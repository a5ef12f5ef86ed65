"""Moves that workloads would begin now, and whose turn it is: where not all may be under way at once, those that gain most for what they cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from steelyard.core.facts.identity import WorkloadKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A move that every gate lets pass but those that ask whether there is room and whose turn it is.

    gain: what it saves within the payback time over what the move costs. pool: where it goes; nodes: of that pool that it takes; saving: money
    per hour. room: whether other workloads leave a node there. under_way: moves of other workloads, and at_once how many there may be; by_pool:
    (pool, the same two of it) of both ends.
    """

    gain: float
    pool: str
    nodes: float
    saving: float
    room: bool
    under_way: int
    at_once: int
    by_pool: tuple[tuple[str, int, int], ...]


Wishes = Mapping[WorkloadKey, tuple[Wish, ...]]


def turns(wishes: Wishes) -> frozenset[WorkloadKey]:
    """Who may begin: in order of gain, as many as may be under way together with those that are. What has no room takes nobody's turn."""
    ready = ((key, one) for key, each in wishes.items() for one in each if one.room)
    chosen: set[WorkloadKey] = set()
    begun: Counter[str] = Counter()
    for key, one in sorted(ready, key=lambda entry: (-entry[1].gain, entry[0], entry[1].pool)):
        fits = one.under_way + len(chosen) < one.at_once and all(moves + begun[pool] < most for pool, moves, most in one.by_pool)
        if fits and key not in chosen:
            chosen.add(key)
            begun.update(pool for pool, _, _ in one.by_pool)
    return frozenset(chosen)


def gained(wishes: Iterable[Wish]) -> dict[str, float]:
    """Money per hour that a node is worth to those who wait for one, on average, by pool: so those who would make room for all of them gain
    together what the exchange gains."""
    saving: Counter[str] = Counter()
    nodes: Counter[str] = Counter()
    for one in wishes:
        saving[one.pool] += one.saving  # type: ignore[assignment]
        nodes[one.pool] += one.nodes  # type: ignore[assignment]
    return {pool: saving[pool] / many for pool, many in sorted(nodes.items()) if many > 0}
