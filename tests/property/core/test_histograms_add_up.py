"""Histograms that are added all at once are those that are added one by one, and those that are kept do as dictionaries do."""

from __future__ import annotations

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from steelyard.core.statistics.histogram import Buckets, Histogram, added, growth, shrank, summed

EDGES = st.sampled_from([(0.1, 0.5, 2.0), (0.1, 0.5), (1.0,)])
HISTOGRAMS = EDGES.flatmap(
    lambda edges: st.lists(st.integers(0, 2**40), min_size=len(edges), max_size=len(edges)).map(lambda counts: (edges, sorted(counts)))
)
BUCKETS = st.one_of(HISTOGRAMS.map(lambda told: Histogram(*told)), HISTOGRAMS.map(lambda told: dict(zip(*told, strict=True))))


def one_by_one(several: list[Buckets]) -> Buckets | None:
    start: Buckets | None = {}
    return reduce(added, several, start)


@given(st.lists(BUCKETS, max_size=6))
def test_all_at_once_is_one_by_one(several: list[Buckets]) -> None:
    assert summed(several) == one_by_one(several)


COUNTS = st.lists(st.one_of(st.integers(0, 300), st.integers(0, 2**40), st.integers(2**62, 2**70)), min_size=3, max_size=3)


@given(COUNTS, COUNTS)
def test_what_is_kept_adds_up_grows_and_shrinks_as_a_dictionary_does(one: list[int], other: list[int]) -> None:
    edges = (0.1, 0.5, 2.0)
    kept = [Histogram(edges, each) for each in (one, other)]
    plain = [dict(zip(edges, each, strict=True)) for each in (one, other)]
    assert added(*kept) == added(*plain)
    assert growth(*kept) == growth(*plain)
    assert shrank(*kept) is shrank(*plain)
