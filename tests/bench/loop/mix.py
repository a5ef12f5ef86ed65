"""The cheapest whole replicas that carry a load: every mix that no other beats, sorted by what it carries."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil


@dataclass(frozen=True, slots=True)
class Mixes:
    """carried: requests per second, rising; mixes: replicas by pool, as many; each the cheapest that carries as much."""

    carried: tuple[float, ...]
    mixes: tuple[tuple[int, ...], ...]

    def cheapest(self, load: float) -> tuple[int, ...]:
        """For that load; the largest mix there is where none carries it."""
        return self.mixes[min(bisect_left(self.carried, load - 1e-9), len(self.mixes) - 1)]


def mixes(capacities: Sequence[float], prices: Sequence[float], limits: Sequence[int | None], most: float) -> Mixes:
    """All that carry up to `most` requests per second, by enumeration. capacities: what one replica carries."""
    counts = [min(ceil(most / c), ceil(most / c) if limit is None else limit) for c, limit in zip(capacities, limits, strict=True)]
    every = product(*(range(n + 1) for n in counts))
    known = sorted((sum(n * p for n, p in zip(mix, prices, strict=True)), -_carried(mix, capacities), mix) for mix in every)
    carried: list[float] = []
    best: list[tuple[int, ...]] = []
    for _, less, mix in known:
        if not carried or -less > carried[-1]:
            carried.append(-less)
            best.append(mix)
            if -less >= most:
                break
    return Mixes(tuple(carried), tuple(best))


def _carried(mix: Sequence[int], capacities: Sequence[float]) -> float:
    return sum(n * c for n, c in zip(mix, capacities, strict=True))
