"""What many windows tell of tokens, as columns: a window takes 48 bytes.

Floats, which count one by one up to 2**53 and never overflow, whatever servers say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from steelyard.core.facts.tokens import Counted, Tokens

_NOT_TOLD = -1
_NOBODY = (_NOT_TOLD, _NOT_TOLD, _NOT_TOLD)


class TokenColumns:
    """Immutable, one row a window: input, cached and output tokens of every request, then of the good ones."""

    __slots__ = ("_figures",)

    def __init__(self, told: Sequence[Tokens | None] = ()) -> None:
        rows = [(*_row(None if each is None else each.every), *_row(None if each is None else each.good)) for each in told]
        self._figures: Any = np.array(rows, np.float64).reshape(len(rows), 2 * len(_NOBODY))

    def of(self, rows: slice) -> TokenColumns:
        """Some of the rows."""
        return self._made(self._figures[rows])

    def then(self, newer: TokenColumns) -> TokenColumns:
        """Those of newer windows behind these."""
        return self._made(np.concatenate((self._figures, newer._figures)))

    @classmethod
    def _made(cls, figures: Any) -> TokenColumns:
        made = cls.__new__(cls)
        made._figures = figures
        return made

    def __iter__(self) -> Iterator[Tokens | None]:
        """What each window tells."""
        for figures in self._figures.tolist():
            *every, spoken, cached, output = map(int, figures)
            of_all = _counted(*every)
            yield None if of_all is None else Tokens(every=of_all, good=_counted(spoken, cached, output))

    def __eq__(self, other: object) -> bool:
        """The same told of as many windows."""
        return np.array_equal(self._figures, other._figures) if isinstance(other, TokenColumns) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        """How many windows."""
        return len(self._figures)


def _row(of: Counted | None) -> tuple[int, int, int]:
    return _NOBODY if of is None else (of.input, _NOT_TOLD if of.cached is None else of.cached, of.output)


def _counted(spoken: int, cached: int, output: int) -> Counted | None:
    return None if spoken == _NOT_TOLD else Counted(input=spoken, cached=None if cached == _NOT_TOLD else cached, output=output)
