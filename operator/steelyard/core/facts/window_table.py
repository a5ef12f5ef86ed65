"""Windows as they are kept for hours: rows of one table, which take far less memory than as many objects (`make bench B=decision_cost`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from math import nan
from typing import Any, NamedTuple, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from steelyard.core.facts.batch_columns import BatchColumns
from steelyard.core.facts.batches import Batches
from steelyard.core.facts.missed import Missed
from steelyard.core.facts.missed_columns import MissedColumns
from steelyard.core.facts.stream_columns import StreamColumns
from steelyard.core.facts.streams import Streams
from steelyard.core.facts.token_columns import TokenColumns
from steelyard.core.facts.tokens import Tokens
from steelyard.core.facts.window import Window
from steelyard.core.statistics.histogram import Histogram, kept, shared

Whole: TypeAlias = NDArray[np.int64]
Reals: TypeAlias = NDArray[np.float64]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""What moments in columns are counted from."""
_NOT_TOLD = -1
_SURE = ("replica_seconds", "steady", "disturbed", "by_engine", "joules_estimated", "unsure", "blind")
_TOLD = ("busy_seconds", "cost", "p99_milliseconds", "joules")
_UNSURE = (*_TOLD, "took_seconds")
"""Figures that not every server tells."""
MOST_UNSURE = 2**32 - 1
"""Far above what a window counts."""
_ROW = np.dtype(
    [
        *((name, "m8[us]") for name in ("start", "end")),
        *((name, "f8") for name in ("replica_seconds", *_TOLD)),
        ("took_seconds", "f4"),
        *((name, "?") for name in ("steady", "disturbed", "by_engine", "joules_estimated", "blind")),
        ("edges", "i2"),
        ("unsure", "u4"),
    ]
)
"""Moments since 1970, NaN for what is not told; `took_seconds`, which nothing decides by, to seven digits; `edges`: which of the table's sets of edges,
_NOT_TOLD without latencies."""
_SUMS = 4
"""Counts of a row before those of its latencies: good, slow, error, shed. All have the smallest type that holds them. The first edges, which no answer
of any row is below, are left out: a server of large models has most of its edges there."""


class Asked(NamedTuple):
    """What was asked for in windows that have a length, a column each, the oldest first. end: microseconds since 1970."""

    end: Whole
    seconds: Reals
    offered: Whole


class WindowTable(Sequence[Window]):
    """Immutable, oldest first. A window is made anew each time that it is asked for: who reads many takes all of them at once."""

    __slots__ = ("_apart", "_batches", "_counts", "_edges", "_rows", "_streams", "_tokens")

    def __init__(self, windows: Iterable[Window] = ()) -> None:
        found = tuple(windows)
        told = [kept(w.buckets) for w in found]
        histograms = [each if isinstance(each, Histogram) else None for each in told]
        self._edges = tuple(dict.fromkeys(each.edges for each in histograms if each is not None))
        self._rows = np.array([_row(w, self._which(each)) for w, each in zip(found, histograms, strict=True)], _ROW)
        counts = [
            (w.good, w.slow, w.error, w.shed, *(each.counts if each is not None else ())) for w, each in zip(found, histograms, strict=True)
        ]
        most = max(map(max, counts), default=0)
        whole = np.zeros((len(found), _SUMS + max(map(len, self._edges), default=0)), np.min_scalar_type(most))
        for row, each in zip(whole, counts, strict=True):
            row[: len(each)] = each
        self._counts = _reached(whole)
        self._batches = _columns([w.batches for w in found])
        self._tokens = _token_columns([w.tokens for w in found])
        self._streams = _stream_columns([w.streams for w in found])
        self._apart = _missed_columns([w.apart for w in found])

    @classmethod
    def of(cls, windows: Sequence[Window]) -> WindowTable:
        """The windows as a table, which they may be already."""
        return windows if isinstance(windows, WindowTable) else cls(windows)

    def then(self, newest: Window, most: int) -> WindowTable:
        """With one more; of more than `most` the oldest go."""
        added, gone = WindowTable((newest,)), max(0, len(self) + 1 - most)
        stays, comes = self._whole()[gone:], added._whole()
        if added._edges and added._edges != self._edges and self._edges:
            return WindowTable((*self[gone:], newest))
        return _made(
            np.concatenate((self._rows[gone:], added._rows)),
            _reached(np.concatenate((_widened(stays, comes), _widened(comes, stays)))),
            self._edges or added._edges,
            _columns([*self._batches_of(gone), *added._batches_of(0)])
            if self._batches is None or added._batches is None
            else self._batches.of(slice(gone, None)).then(added._batches),
            _token_columns([*self._tokens_of(gone), *added._tokens_of(0)])
            if self._tokens is None or added._tokens is None
            else self._tokens.of(slice(gone, None)).then(added._tokens),
            _stream_columns([*self._streams_of(gone), *added._streams_of(0)])
            if self._streams is None or added._streams is None
            else self._streams.of(slice(gone, None)).then(added._streams),
            _missed_columns([*self._apart_of(gone), *added._apart_of(0)])
            if self._apart is None or added._apart is None
            else self._apart.of(slice(gone, None)).then(added._apart),
        )

    def behind(self, older: WindowTable) -> tuple[Window, ...] | None:
        """The windows behind those of an earlier state of this table, whose oldest may be gone; None where it was none."""
        shared = int((self._rows["end"] <= older._rows["end"][-1]).sum()) if len(older) else 0
        if not 0 < shared <= len(older) or self._rows[:shared].tobytes() != older._rows[-shared:].tobytes():
            return None
        # What was offered and answered tells two windows of one moment apart; their latencies then need not be compared.
        same = np.array_equal(self._counts[:shared, :_SUMS], older._counts[-shared:, :_SUMS])
        return self[shared:] if same else None

    def without_latencies(self) -> WindowTable:
        """The same sums, and nothing of how long answers and batches took, nor of tokens: it tells what was asked for."""
        rows = self._rows.copy()
        rows["edges"], rows["took_seconds"] = _NOT_TOLD, nan
        return _made(rows, self._counts[:, :_SUMS].copy(), (), None, None, None, None)

    def after(self, older: WindowTable, most: int) -> WindowTable:
        """Behind older ones, both without latencies; of more than `most` the oldest go."""
        rows, counts = np.concatenate((older._rows, self._rows)), np.concatenate((older._counts, self._counts))
        return _made(rows[-most:], counts[-most:], (), None, None, None, None)

    def asked(self) -> Asked:
        """What was asked for."""
        start, end = (self._rows[name].astype(np.int64) for name in ("start", "end"))
        long = end > start
        offered = self._counts[:, :_SUMS].sum(axis=1, dtype=np.int64)
        return Asked(end[long], (end - start)[long] / 1e6, offered[long])

    def _whole(self) -> Any:
        """The counts with those of all edges."""
        sums, told = self._counts[:, :_SUMS], self._counts[:, _SUMS:]
        edges = max(map(len, self._edges), default=0)
        whole = np.zeros((len(self), _SUMS + edges), self._counts.dtype)
        whole[:, :_SUMS], whole[:, _SUMS + edges - told.shape[1] :] = sums, told
        return whole

    def _batches_of(self, first: int) -> Iterable[Batches | None]:
        """Of the windows from that one on."""
        return [None] * (len(self) - first) if self._batches is None else self._batches.of(slice(first, None))

    def _tokens_of(self, first: int) -> Iterable[Tokens | None]:
        """Of the windows from that one on."""
        return [None] * (len(self) - first) if self._tokens is None else self._tokens.of(slice(first, None))

    def _streams_of(self, first: int) -> Iterable[Streams | None]:
        return [None] * (len(self) - first) if self._streams is None else self._streams.of(slice(first, None))

    def _apart_of(self, first: int) -> Iterable[tuple[Missed, ...]]:
        return [()] * (len(self) - first) if self._apart is None else self._apart.of(slice(first, None))

    def _which(self, histogram: Histogram | None) -> int:
        return _NOT_TOLD if histogram is None else self._edges.index(histogram.edges)

    @overload
    def __getitem__(self, at: int) -> Window: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[Window, ...]: ...

    def __getitem__(self, at: int | slice) -> Window | tuple[Window, ...]:
        """One, or several as a tuple."""
        if isinstance(at, slice):
            batches, tokens = self._batches and self._batches.of(at), self._tokens and self._tokens.of(at)
            streams, apart = self._streams and self._streams.of(at), self._apart and self._apart.of(at)
            return tuple(_made(self._rows[at], self._counts[at], self._edges, batches, tokens, streams, apart))
        return self[at : at + 1 or None][0]

    def __iter__(self) -> Iterator[Window]:
        """The windows. The end of one is the start of the next, as the same object."""
        ends = [EPOCH + end for end in self._rows["end"].tolist()]
        met = (self._rows["start"][1:] == self._rows["end"][:-1]).tolist()
        starts = [ends[at - 1] if at and met[at - 1] else EPOCH + start for at, start in enumerate(self._rows["start"].tolist())]
        told: dict[str, Iterable[Any]] = {
            **{name: self._rows[name].tolist() for name in _SURE},
            **{name: _told(self._rows[name]) for name in _UNSURE},
            **dict(zip(("good", "slow", "error", "shed"), self._counts[:, :_SUMS].T.tolist(), strict=True)),
            "start": starts,
            "end": ends,
            "buckets": self._histograms(),
            "batches": self._batches_of(0),
            "tokens": self._tokens_of(0),
            "streams": self._streams_of(0),
            "apart": self._apart_of(0),
        }
        return map(Window._make, zip(*(told[name] for name in Window._fields), strict=True))

    def _histograms(self) -> Iterator[Histogram | None]:
        """By window."""
        whole = self._whole()
        counts, width = whole.reshape(-1).data, whole.shape[1]
        begins = range(_SUMS, whole.size + _SUMS, width)
        return (
            None if edges == _NOT_TOLD else Histogram.over(self._edges[edges], counts[at : at + width])
            for at, edges in zip(begins, self._rows["edges"].tolist(), strict=True)
        )

    def __len__(self) -> int:
        """How many."""
        return len(self._rows)

    def __eq__(self, other: object) -> bool:
        """The same windows, in a table or in a tuple."""
        if not isinstance(other, WindowTable):
            return tuple(self) == other if isinstance(other, tuple) else NotImplemented
        if self._edges == other._edges and self._counts.shape == other._counts.shape and self._rows.tobytes() == other._rows.tobytes():
            same = self._counts.tobytes() == other._counts.tobytes() or bool((self._counts == other._counts).all())
            same = same and (self._batches == other._batches or [*self._batches_of(0)] == [*other._batches_of(0)])
            same = same and (self._streams == other._streams or [*self._streams_of(0)] == [*other._streams_of(0)])
            same = same and (self._apart == other._apart or [*self._apart_of(0)] == [*other._apart_of(0)])
            return same and (self._tokens == other._tokens or [*self._tokens_of(0)] == [*other._tokens_of(0)])
        # At each new window the ends differ: nothing has to be made of rows to know it.
        return np.array_equal(self._rows["end"], other._rows["end"]) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy shares the edges."""
        return _read, (self._rows.tobytes(), self._counts, self._edges, self._batches, self._tokens, self._streams, self._apart)

    def __repr__(self) -> str:
        """As the tuple that it stands for."""
        return repr(tuple(self))


def _columns(told: Sequence[Batches | None]) -> BatchColumns | None:
    """None where no window tells of any."""
    return BatchColumns(told) if any(each is not None for each in told) else None


def _token_columns(told: Sequence[Tokens | None]) -> TokenColumns | None:
    """None where no window tells of any."""
    return TokenColumns(told) if any(each is not None for each in told) else None


def _stream_columns(told: Sequence[Streams | None]) -> StreamColumns | None:
    """None where no window tells of any."""
    return StreamColumns(told) if any(each is not None for each in told) else None


def _missed_columns(told: Sequence[tuple[Missed, ...]]) -> MissedColumns | None:
    """None where no window tells promises apart."""
    return MissedColumns(told) if any(told) else None


def _made(
    rows: Any,
    counts: Any,
    edges: tuple[tuple[float, ...], ...],
    *columns: Any,
) -> WindowTable:
    """columns: of batches, tokens, streams and promises, each None where no window tells of any."""
    made = WindowTable.__new__(WindowTable)
    made._rows, made._counts, made._edges = rows, counts, edges
    made._batches, made._tokens, made._streams, made._apart = columns
    return made


def _read(
    rows: bytes,
    counts: Any,
    edges: tuple[tuple[float, ...], ...],
    *columns: Any,
) -> WindowTable:
    return _made(np.frombuffer(rows, _ROW), counts, tuple(map(shared, edges)), *columns)


def _row(window: Window, edges: int) -> tuple[Any, ...]:
    unsure = (nan if (told := getattr(window, name)) is None else told for name in _UNSURE)
    return (
        window.start - EPOCH,
        window.end - EPOCH,
        window.replica_seconds,
        *unsure,
        window.steady,
        window.disturbed,
        window.by_engine,
        window.joules_estimated,
        window.blind,
        edges,
        min(window.unsure, MOST_UNSURE),
    )


def _told(column: Any) -> list[float | None]:
    return [None if gone else figure for figure, gone in zip(column.tolist(), np.isnan(column).tolist(), strict=True)]


def _reached(counts: Any) -> Any:
    """Without the columns of the first edges that no answer of any row is below."""
    used = counts[:, _SUMS:].any(axis=0)
    first = int(used.argmax()) if used.any() else used.size
    return np.delete(counts, slice(_SUMS, _SUMS + first), axis=1) if first else counts


def _widened(counts: Any, other: Any) -> Any:
    """With as many columns as the other has at least."""
    missing = other.shape[1] - counts.shape[1]
    return counts if missing <= 0 else np.pad(counts, ((0, 0), (0, missing)))
