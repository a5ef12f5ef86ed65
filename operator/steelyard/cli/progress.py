"""How far something long is, on standard error: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

PAUSE = 10.0
"""Seconds between two lines where there is no terminal."""


@contextmanager
def progress(what: str) -> Iterator[Callable[[float], None]]:
    """A function to call with the part that is done, 0 to 1."""
    if sys.stderr.isatty():
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(what, total=1.0)
            yield lambda part: bar.update(task, completed=part)
        return
    told = time.monotonic()

    def line(part: float) -> None:
        nonlocal told
        if time.monotonic() - told >= PAUSE:
            told = time.monotonic()
            print(f"{what}: {part:.0%}", file=sys.stderr, flush=True)

    yield line
