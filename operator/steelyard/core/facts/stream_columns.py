"""What many windows tell of streams, as columns: a window takes 64 bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isnan, nan
from typing import Any

import numpy as np

from steelyard.core.facts.streams import Streams

_FIGURES = 8


class StreamColumns:
    """Immutable, one row a window: the figures of `Streams` in their order, NaN for what is not told."""

    __slots__ = ("_figures",)

    def __init__(self, told: Sequence[Streams | None] = ()) -> None:
        self._figures: Any = np.array([_row(each) for each in told], np.float64).reshape(len(told), _FIGURES)

    def of(self, rows: slice) -> StreamColumns:
        """Some of the rows."""
        return self._made(self._figures[rows])

    def then(self, newer: StreamColumns) -> StreamColumns:
        """Those of newer windows behind these."""
        return self._made(np.concatenate((self._figures, newer._figures)))

    @classmethod
    def _made(cls, figures: Any) -> StreamColumns:
        made = cls.__new__(cls)
        made._figures = figures
        return made

    def __iter__(self) -> Iterator[Streams | None]:
        """What each window tells."""
        for firsts, first_seconds, gaps, gap_seconds, running, held, sequences, waiting in self._figures.tolist():
            yield (
                None
                if isnan(firsts)
                else Streams(
                    firsts=int(firsts),
                    first_seconds=first_seconds,
                    gaps=int(gaps),
                    gap_seconds=gap_seconds,
                    running=running,
                    held=held,
                    sequences=None if isnan(sequences) else int(sequences),
                    waiting=waiting,
                )
            )

    def __eq__(self, other: object) -> bool:
        """The same told of as many windows."""
        return np.array_equal(self._figures, other._figures, equal_nan=True) if isinstance(other, StreamColumns) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        """How many windows."""
        return len(self._figures)


def _row(of: Streams | None) -> tuple[float, ...]:
    if of is None:
        return (nan,) * _FIGURES
    sequences = nan if of.sequences is None else of.sequences
    return (of.firsts, of.first_seconds, of.gaps, of.gap_seconds, of.running, of.held, sequences, of.waiting)
