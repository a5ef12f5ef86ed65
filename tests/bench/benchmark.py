"""What a benchmark is: a module of this package with these names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from matplotlib.figure import Figure

Cell: TypeAlias = str | int | float | bool | None
"""None is "not known", and an empty cell."""
Row: TypeAlias = Mapping[str, Cell]
Say: TypeAlias = Callable[[str], None]
"""Progress of what takes long: one line each."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A measure of success, and what was found. `met` None: it could not be measured here, and `found` says why."""

    asked: str
    found: str
    met: bool | None


class Benchmark(Protocol):
    """A module `bench.NAME`. `ABOUT`: what is measured, and how, as Markdown; its first line is the title."""

    ABOUT: str
    COLUMNS: Sequence[str]

    def rows(self, say: Say, *, quick: bool) -> Iterable[Row]:
        """The table. quick: a small part of it, for the tests that benchmarks run at all."""

    def bars(self, rows: Sequence[Row]) -> Sequence[Bar]:
        """What the rows say of the bars they are held to."""

    def draw(self, figure: Figure, rows: Sequence[Row]) -> None:
        """The picture."""
