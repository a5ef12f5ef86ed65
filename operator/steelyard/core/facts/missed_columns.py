"""What many windows tell of several promises, as columns: a window takes 72 bytes, and none where one is promised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isnan, nan
from typing import Any

import numpy as np

from steelyard.core.facts.missed import Missed

METRICS = ("e2e", "ttft", "itl")
"""Each may be promised once."""
_NOT_TOLD = (nan, nan, nan)


class MissedColumns:
    """Immutable, one row a window: of each metric late and unsure requests, and what its promise allows."""

    __slots__ = ("_figures",)

    def __init__(self, told: Sequence[Sequence[Missed]] = ()) -> None:
        rows = [[figure for metric in METRICS for figure in _row(metric, each)] for each in told]
        self._figures: Any = np.array(rows, np.float64).reshape(len(rows), 3 * len(METRICS))

    def of(self, rows: slice) -> MissedColumns:
        """Some of the rows."""
        return self._made(self._figures[rows])

    def then(self, newer: MissedColumns) -> MissedColumns:
        """Those of newer windows behind these."""
        return self._made(np.concatenate((self._figures, newer._figures)))

    @classmethod
    def _made(cls, figures: Any) -> MissedColumns:
        made = cls.__new__(cls)
        made._figures = figures
        return made

    def __iter__(self) -> Iterator[tuple[Missed, ...]]:
        """What each window tells."""
        for row in self._figures.tolist():
            by_metric = zip(METRICS, row[::3], row[1::3], row[2::3], strict=True)
            yield tuple(Missed(metric, int(late), int(unsure), allowed) for metric, late, unsure, allowed in by_metric if not isnan(late))

    def __eq__(self, other: object) -> bool:
        """The same told of as many windows."""
        return np.array_equal(self._figures, other._figures, equal_nan=True) if isinstance(other, MissedColumns) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        """How many windows."""
        return len(self._figures)


def _row(metric: str, told: Sequence[Missed]) -> tuple[float, float, float]:
    found = next((each for each in told if each.metric == metric), None)
    return _NOT_TOLD if found is None else (found.late, found.unsure, found.allowed)
