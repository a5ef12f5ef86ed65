"""Cumulative histograms as they are scraped: count of observations up to each edge, in seconds."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from operator import add, sub
from typing import TypeAlias

Buckets: TypeAlias = Mapping[float, int]
"""Edge in seconds -> observations at or below it; the edge +Inf is the number of all. Empty: nothing was observed yet."""

SHARED = 1024
"""Sets of edges that are kept once for all histograms; a server has one."""
_WIDTHS = (("H", 2**16), ("I", 2**32), ("Q", 2**64))

FIRST = 1.4
"""Width of the first bucket and of what lies above the last, in logarithms: a factor of 4."""


class Histogram(Mapping[float, int]):
    """Buckets that are kept for long, in less memory than a dictionary. `edges`: in ascending order, one tuple for all that have the same."""

    __slots__ = ("counts", "edges")
    edges: tuple[float, ...]
    counts: Sequence[int]

    def __init__(self, edges: Sequence[float], counts: Sequence[int]) -> None:
        self.edges = shared(tuple(edges))
        self.counts = _packed(counts)

    @classmethod
    def over(cls, edges: tuple[float, ...], counts: Sequence[int]) -> Histogram:
        """Over counts that are kept elsewhere: as many as edges or more, of which the first are meant."""
        made = cls.__new__(cls)
        made.edges, made.counts = edges, counts[: len(edges)]
        return made

    def with_counts(self, counts: Sequence[int]) -> Histogram:
        """Other counts of the same edges."""
        made = Histogram.__new__(Histogram)
        made.edges, made.counts = self.edges, _packed(counts)
        return made

    def __getitem__(self, edge: float) -> int:
        """Observations at or below one of the edges; KeyError of any other number."""
        at = bisect_left(self.edges, edge)
        if at == len(self.edges) or self.edges[at] != edge:
            raise KeyError(edge)
        return self.counts[at]

    def __iter__(self) -> Iterator[float]:
        """The edges."""
        return iter(self.edges)

    def __len__(self) -> int:
        """How many edges."""
        return len(self.edges)

    def __repr__(self) -> str:
        """As the dictionary that it stands for."""
        return repr(dict(self))

    def __reduce__(self) -> tuple[type[Histogram], tuple[tuple[float, ...], tuple[int, ...]]]:
        """A copy shares its edges as well."""
        return Histogram, (self.edges, tuple(self.counts))


@lru_cache(maxsize=SHARED)
def shared(edges: tuple[float, ...]) -> tuple[float, ...]:
    """The same edges, as the one tuple that all histograms have of them."""
    return edges


def _packed(counts: Sequence[int]) -> Sequence[int]:
    """In the narrowest array that holds them; as they are where one went back below 0 or beyond all of these."""
    most = max(counts, default=0)
    for code, above in _WIDTHS:
        if most < above:
            try:
                return array(code, counts)
            except OverflowError:
                break
    return tuple(counts)


def kept(buckets: Buckets | None) -> Buckets | None:
    """The same, in the form that is kept; None where nothing was observed, or it is not known."""
    return Histogram(*_columns(buckets)) if buckets else None


def _columns(buckets: Buckets) -> tuple[Sequence[float], Sequence[int]]:
    """(edges, counts), both ascending."""
    if isinstance(buckets, Histogram):
        return buckets.edges, buckets.counts
    edges = sorted(buckets)
    return edges, [buckets[edge] for edge in edges]


def added(one: Buckets | None, other: Buckets | None) -> Buckets | None:
    """Both together; None where they cannot be added, because one is unknown or the edges differ."""
    if one is None or other is None:
        return None
    if isinstance(one, Histogram) and isinstance(other, Histogram) and one.edges is other.edges:
        return one.with_counts(list(map(add, one.counts, other.counts)))
    if not one or not other:
        return one or other
    return {edge: count + other[edge] for edge, count in one.items()} if one.keys() == other.keys() else None


def summed(several: Sequence[Buckets]) -> Buckets | None:
    """All together; None where they cannot be added, because edges differ. Those that are kept share their edges, and are added column by column."""
    alike = _alike(several)
    if alike:
        return dict(zip(alike[0].edges, map(sum, zip(*(each.counts for each in alike), strict=True)), strict=True))
    total: Buckets | None = {}
    for each in several:
        total = added(total, each)
    return total


def at_or_below(several: Sequence[Buckets], edge: float) -> list[int]:
    """Observations of each up to an edge that all have."""
    alike = _alike(several)
    if not alike:
        return [each[edge] for each in several]
    at = alike[0].edges.index(edge)
    return [each.counts[at] for each in alike]


def _alike(several: Sequence[Buckets]) -> Sequence[Histogram]:
    """They, where all are kept and share their edges, so that they may be read column by column; else none."""
    alike = [each for each in several if isinstance(each, Histogram)]
    return alike if len(alike) == len(several) and all(each.edges is alike[0].edges for each in alike) else ()


def growth(new: Buckets | None, old: Buckets | None) -> Buckets | None:
    """What came in between; None where that cannot be said."""
    if new is None or old is None:
        return None
    if isinstance(new, Histogram) and isinstance(old, Histogram) and new.edges is old.edges:
        return new.with_counts(list(map(sub, new.counts, old.counts)))
    if not old:
        return new
    return {edge: count - old[edge] for edge, count in new.items()} if new.keys() == old.keys() else None


def shrank(new: Buckets | None, old: Buckets | None) -> bool:
    """Whether any bucket lost observations, which only a restart explains."""
    if not new or not old:
        return False
    if alike := _alike((new, old)):
        return any(a < b for a, b in zip(*(each.counts for each in alike), strict=True))
    return any(count < old.get(edge, 0) for edge, count in new.items())


def quantile(buckets: Buckets | None, share: float) -> float | None:
    """Seconds below which `share` of the observations lie, by linear interpolation inside a bucket; None without observations.

    Same estimate as Prometheus' `histogram_quantile`; above the last finite edge that edge is returned, which is then a lower bound.
    """
    if not buckets:
        return None
    edges, counts = _columns(buckets)
    rank = share * counts[-1]
    if rank <= 0:
        return None
    at = bisect_left(counts, rank)
    low, below = (edges[at - 1], counts[at - 1]) if at else (0.0, 0)
    if math.isinf(edges[at]):
        return low or None
    return low + (edges[at] - low) * (rank - below) / (counts[at] - below)
