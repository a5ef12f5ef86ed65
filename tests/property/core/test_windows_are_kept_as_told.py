"""A table of windows is the tuple of those windows, whatever they tell, and however it came to be."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.facts.batches import Batches
from steelyard.core.facts.streams import Streams
from steelyard.core.facts.tokens import Counted, Tokens
from steelyard.core.facts.window import Window
from steelyard.core.facts.window_table import MOST_UNSURE, WindowTable

EDGES = ((0.1, 0.2, inf), (0.1, 0.5, 1.0, inf))
counts = st.integers(0, 10**12)
seconds = st.floats(0, 1e9)


@st.composite
def batches(draw: st.DrawFn) -> Batches:
    sizes = draw(st.sampled_from([(1,), (1, 8), (1, 8, 20), (4, 64)]))

    def by_size(values: st.SearchStrategy) -> tuple:
        return tuple(draw(st.lists(values, min_size=len(sizes), max_size=len(sizes))))

    workers = draw(st.integers(1, 2))
    return Batches(workers=workers, sizes=sizes, inputs=draw(counts), runs=by_size(counts), rows=by_size(counts), seconds=by_size(seconds))


counted = st.builds(Counted, input=counts, cached=st.none() | counts, output=counts)
tokens = st.builds(Tokens, every=counted, good=st.none() | counted)
streams = st.builds(
    Streams,
    firsts=counts,
    first_seconds=st.floats(0, 1e9),
    gaps=counts,
    gap_seconds=st.floats(0, 1e9),
    running=st.floats(0, 1e6),
    held=st.floats(0, 1e6),
    sequences=st.none() | st.integers(1, 100_000),
    waiting=st.floats(0, 1e6),
)
money = st.none() | st.floats(0, 1e9)
moments = st.timedeltas(timedelta(0), timedelta(days=7000)).map(lambda since: datetime(2020, 1, 1, tzinfo=UTC) + since)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    start = draw(moments)
    edges = draw(st.none() | st.sampled_from(EDGES))
    buckets = (
        None if edges is None else dict(zip(edges, sorted(draw(st.lists(counts, min_size=len(edges), max_size=len(edges)))), strict=True))
    )
    return Window(
        start=start,
        end=start + timedelta(microseconds=draw(st.integers(0, 10**10))),
        good=draw(counts),
        slow=draw(counts),
        error=draw(counts),
        shed=draw(counts),
        replica_seconds=draw(st.floats(0, 1e9)),
        busy_seconds=draw(money),
        cost=draw(money),
        steady=draw(st.booleans()),
        p99_milliseconds=draw(money),
        buckets=buckets,
        disturbed=draw(st.booleans()),
        batches=draw(st.none() | batches()),
        by_engine=draw(st.booleans()),
        joules=draw(money),
        joules_estimated=draw(st.booleans()),
        tokens=draw(st.none() | tokens),
        streams=draw(st.none() | streams),
        unsure=draw(st.integers(0, MOST_UNSURE)),
        took_seconds=draw(st.none() | st.floats(0, 2.0**30, width=32)),
    )


@effort(100)
@given(st.lists(windows(), max_size=6))
def test_a_table_is_the_tuple_of_its_windows(told: list[Window]) -> None:
    table = WindowTable(told)
    assert table == tuple(told) and len(table) == len(told)
    assert [table[at] for at in range(-len(told), len(told))] == [*told, *told]
    assert (table[1:], table[-2:]) == (tuple(told[1:]), tuple(told[-2:]))
    assert pickle.loads(pickle.dumps(table)) == table


@effort(100)
@given(st.lists(windows(), max_size=6), st.integers(1, 4))
def test_one_after_another_is_all_at_once_less_the_oldest(told: list[Window], most: int) -> None:
    table = WindowTable()
    for each in told:
        table = table.then(each, most)
    assert table == tuple(told[-most:])
    assert table == WindowTable(told[-most:]), "and equal as a table"


@effort(100)
@given(st.lists(windows(), min_size=1, max_size=6, unique_by=lambda w: w.end), st.integers(1, 6), st.integers(1, 6))
def test_what_came_behind_an_earlier_state_is_told(told: list[Window], first: int, most: int) -> None:
    told = [w._replace(buckets=None) for w in sorted(told, key=lambda w: w.end)]
    table = older = WindowTable()
    for at, each in enumerate(told):
        table = table.then(each, most)
        older = table if at < first else older
    came = told[first:]
    assert table.behind(older) == (tuple(came) if len(came) < most else None), (
        "some of the earlier state is still there, or nothing is known"
    )
    for other in ({"good": told[-1].good + 1}, {"replica_seconds": -1.0}):
        assert table.behind(WindowTable([told[-1]._replace(**other)])) is None, "it was never there"


@effort(100)
@given(st.lists(windows(), max_size=4), st.lists(windows(), max_size=4), st.integers(1, 5))
def test_what_is_put_by_keeps_its_sums_and_no_latencies(older: list[Window], newer: list[Window], most: int) -> None:
    kept = WindowTable(newer).without_latencies().after(WindowTable(older).without_latencies(), most)
    bare = [WindowTable([each]).without_latencies()[0] for each in (*older, *newer)]
    assert kept == tuple(bare[-most:])
    assert all(each.buckets is each.took_seconds is each.batches is each.tokens is each.streams is None for each in kept)
    assert [(w.good, w.cost) for w in kept] == [(w.good, w.cost) for w in (*older, *newer)[-most:]]


def test_edges_that_no_answer_is_below_take_no_memory() -> None:
    slow = {1.0: 40, 2.0: 90, inf: 100}
    tables = [WindowTable([timed(at, buckets) for at in range(64)]) for buckets in (slow, {0.01: 0, 0.1: 0, 0.5: 0, **slow})]
    short, long = (len(pickle.dumps(table)) for table in tables)
    assert long - short < 64, "not even a byte a window"
    assert tables[1].then(timed(64, {0.01: 1, 0.1: 1, 0.5: 2, **slow}), 64)[-1].buckets == {0.01: 1, 0.1: 1, 0.5: 2, **slow}


def timed(at: int, buckets: dict[float, int]) -> Window:
    start = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=at)
    return Window(
        start=start,
        end=start + timedelta(minutes=1),
        good=100,
        slow=0,
        error=0,
        shed=0,
        replica_seconds=60.0,
        busy_seconds=None,
        cost=None,
        steady=True,
        buckets=buckets,
    )


@effort(100)
@given(st.lists(windows(), min_size=1, max_size=5), st.data())
def test_tables_that_differ_in_one_figure_are_not_equal(told: list[Window], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(told) - 1))
    other = data.draw(windows())
    changed = [*told[:at], other, *told[at + 1 :]]
    assert (WindowTable(changed) == WindowTable(told)) == (tuple(changed) == tuple(told))


@effort(100)
@given(windows(), st.none() | tokens, st.none() | tokens)
def test_tables_that_differ_in_tokens_alone_are_not_equal(told: Window, one: Tokens | None, other: Tokens | None) -> None:
    first, second = (WindowTable([told._replace(tokens=each), told]) for each in (one, other))
    assert (first == second) == (one == other)


@effort(100)
@given(windows(), st.none() | streams, st.none() | streams)
def test_tables_that_differ_in_streams_alone_are_not_equal(told: Window, one: Streams | None, other: Streams | None) -> None:
    first, second = (WindowTable([told._replace(streams=each), told]) for each in (one, other))
    assert (first == second) == (one == other)
