"""What many windows tell of batches, as columns: a window of four sizes takes 50 bytes instead of 350."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from steelyard.core.facts.batches import Batches

_NOT_TOLD = -1


class BatchColumns:
    """Immutable, one row a window. `_which`: the kinds of runs (workers and sizes) that a row is of; `_counts`: inputs, then runs and rows by size."""

    __slots__ = ("_counts", "_kinds", "_seconds", "_which")

    def __init__(self, told: Sequence[Batches | None] = ()) -> None:
        self._kinds = tuple(dict.fromkeys((each.workers, each.sizes) for each in told if each is not None))
        most = max((len(sizes) for _, sizes in self._kinds), default=0)
        self._which = np.array([_NOT_TOLD if b is None else self._kinds.index((b.workers, b.sizes)) for b in told], np.int16)
        counts = [() if b is None else (b.inputs, *b.runs, *b.rows) for b in told]
        self._counts = np.zeros(
            (len(told), 1 + 2 * most if most else 0), np.min_scalar_type(max(map(max, filter(None, counts)), default=0))
        )
        self._seconds = np.zeros((len(told), most))
        for row, seconds, count, each in zip(self._counts, self._seconds, counts, told, strict=True):
            if each is not None:
                row[: len(count)] = count
                seconds[: len(each.seconds)] = each.seconds

    def of(self, rows: slice) -> BatchColumns:
        """Some of the rows."""
        return self._made(self._kinds, self._which[rows], self._counts[rows], self._seconds[rows])

    def then(self, newer: BatchColumns) -> BatchColumns:
        """Those of newer windows behind these."""
        if self._kinds != newer._kinds:
            return BatchColumns((*self, *newer))
        pairs = ((getattr(self, name), getattr(newer, name)) for name in ("_which", "_counts", "_seconds"))
        return self._made(self._kinds, *(np.concatenate(pair) for pair in pairs))

    @classmethod
    def _made(cls, kinds: tuple[tuple[int, tuple[int, ...]], ...], which: Any, counts: Any, seconds: Any) -> BatchColumns:
        made = cls.__new__(cls)
        made._kinds, made._which, made._counts, made._seconds = kinds, which, counts, seconds
        return made

    def __iter__(self) -> Iterator[Batches | None]:
        """What each window tells."""
        columns = zip(self._which.tolist(), self._counts.tolist(), self._seconds.tolist(), strict=True)
        for which, (inputs, *by_size), seconds in columns if self._kinds else ((_NOT_TOLD, (0,), ()) for _ in self._which):
            if which == _NOT_TOLD:
                yield None
                continue
            workers, sizes = self._kinds[which]
            kinds = len(sizes)
            runs, rows = tuple(by_size[:kinds]), tuple(by_size[kinds : 2 * kinds])
            yield Batches._make((workers, sizes, inputs, runs, rows, tuple(seconds[:kinds])))

    def __eq__(self, other: object) -> bool:
        """The same told of as many windows."""
        if not isinstance(other, BatchColumns):
            return NotImplemented
        if self._kinds != other._kinds:
            return tuple(self) == tuple(other)
        names = ("_which", "_counts", "_seconds")
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in names)

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        """How many windows."""
        return len(self._which)
