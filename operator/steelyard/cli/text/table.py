"""The look of all tables: no lines, headings in capitals, columns that give way where the screen is narrow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

Cell = str | Text
ROOMY = 105
"""Characters. On a narrower screen cells are folded, since a cut figure would be another figure."""


@dataclass(frozen=True, slots=True)
class Column:
    """`wide`: shown only from that many characters of screen on."""

    name: str
    right: bool = False
    wide: int = 0
    whole: bool = False
    """Not broken over lines where there is room: a figure keeps together."""


def table(columns: tuple[Column, ...], rows: Sequence[Sequence[Cell]], width: int) -> Table:
    """Rows have a cell for every column; those of columns that are not shown are left out."""
    shown = [index for index, column in enumerate(columns) if width >= column.wide]
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_edge=False)
    for index in shown:
        column = columns[index]
        made.add_column(column.name, justify="right" if column.right else "left", no_wrap=column.whole and width >= ROOMY, overflow="fold")
    for row in rows:
        made.add_row(*(row[index] for index in shown))
    return made


def word(text: str, good: bool | None) -> Text:
    """Green, red, or as it is when nobody knows; the word alone says it too."""
    return Text(text, style="" if good is None else "green" if good else "red")
