"""A part of a page of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text


def section(title: str, body: RenderableType | None, lines: Iterable[str] = ()) -> Iterator[RenderableType]:
    """With a heading, a table and sentences; nothing where there is neither."""
    lines = [*lines]
    if body is None and not lines:
        return
    yield Text(f"\n{title}", style="bold")
    if body is not None:
        yield Padding(body, (0, 0, 0, 2))
    for line in lines:
        yield Padding(Text(line), (0, 0, 0, 2))
