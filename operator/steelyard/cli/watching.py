"""A view that is read again every few seconds: read, show, wait. A failed reading keeps the last picture and says so.

On a terminal it changes in place, and times go on between two readings. Elsewhere a line says what is new, or each reading is a JSON object.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import Field, dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from math import ceil
from typing import Any, ClassVar, Generic, Protocol, TypeAlias, TypeVar

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from steelyard.cli.command import OK
from steelyard.cli.connection import Connection
from steelyard.cli.document import write_line
from steelyard.cli.gather import connect
from steelyard.cli.problem import NotThere, Problem
from steelyard.cli.text.console import console
from steelyard.cli.text.frame import Frame

TICK = 0.25
"""Seconds after which a terminal of another size is drawn anew."""
Meanwhile: TypeAlias = Callable[[], None]
"""Called at every tick between two readings."""
TICKS = 4
"""After so many of them the times that are shown go on."""


class View(Protocol):
    """What is shown: a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def now(self) -> datetime:
        """The API server's clock at the reading."""


Shown = TypeVar("Shown", bound=View)


def never(_: Any) -> bool:
    """Only the user ends it."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Following(Generic[Shown]):
    """kind: of its JSON. picture: of the view, at a width. news: without a terminal, a line for everything that changed. whole: the command that shows
    what a screen has no room for. over: whether it is the last one."""

    kind: str
    picture: Callable[[Shown, int], RenderableType]
    news: Callable[[Shown | None, Shown], Iterable[str]]
    whole: str
    over: Callable[[Shown], bool] = never


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched(Following[Shown]):
    """One that is read from a cluster. read: the view of a namespace, None for all."""

    read: Callable[[Connection, str | None], Shown]


def watch(arguments: argparse.Namespace, what: Watched[Shown], *, once: bool = False) -> int:
    """Until interrupted, or once. The first reading must succeed: what is wrong from the start is an error."""
    connection, namespace = connect(arguments)
    if once:
        view = what.read(connection, namespace)
        if arguments.output == "json":
            write_line(what.kind, view.now, view)
        else:
            screen = console()
            screen.print(what.picture(view, screen.width))
        return OK
    try:
        last(arguments, connection, namespace, what)
    except KeyboardInterrupt:
        return OK
    return OK


def last(arguments: argparse.Namespace, connection: Connection, namespace: str | None, what: Watched[Shown]) -> Shown:
    """Show every view until one is over: that one."""
    return follow(arguments.output, what, partial(_readings, what, connection, namespace, arguments.interval))


def follow(output: str, what: Following[Shown], readings: Callable[[Meanwhile], Iterator[tuple[Shown, str | None]]]) -> Shown:
    """Show view after view, each with why it could not be read anew: the last one. readings: takes what is to be called between two of them."""
    loop = _Loop(what, readings)
    if output == "json":
        return loop.lines()
    screen = console()
    return loop.live(screen) if screen.is_terminal and not screen.is_dumb_terminal else loop.plain(screen)


def _readings(
    what: Watched[Shown], connection: Connection, namespace: str | None, interval: float, meanwhile: Meanwhile
) -> Iterator[tuple[Shown, str | None]]:
    """View after view; where one could not be read, that of before, and why."""
    view, failed = what.read(connection, namespace), None
    yield view, failed
    while not what.over(view):
        for _ in range(ceil(interval / TICK)):
            time.sleep(min(TICK, interval))
            meanwhile()
        try:
            view, failed = what.read(connection, namespace), None
        except Problem as problem:
            if isinstance(problem, NotThere) and what.over is not never:
                raise  # It was deleted, and will not be over.
            failed = problem.what
        yield view, failed


def _nothing() -> None:
    """Where nothing is drawn between two readings."""


@dataclass(frozen=True, slots=True)
class _Loop(Generic[Shown]):
    what: Following[Shown]
    readings: Callable[[Meanwhile], Iterator[tuple[Shown, str | None]]]

    def live(self, screen: Console) -> Shown:
        """In place, as much of it as the screen is high."""
        drawn = _Drawn(self.what, screen)
        readings = self.readings(drawn.go_on)
        view, failed = next(readings)
        if self.what.over(view):
            return view
        with _ended_as_by_hand(), Live(console=screen, auto_refresh=False, screen=True, vertical_overflow="crop") as live:
            drawn.open(live, view)
            for view, failed in readings:
                drawn.read(view, failed)
        return view

    def plain(self, screen: Console) -> Shown:
        """What is new."""
        before: Shown | None = None
        wrong: str | None = None
        for view, failed in self.readings(_nothing):
            if failed and failed != wrong:
                screen.print(Text(f"{failed}: the figures above are as of {view.now:%H:%M:%S} UTC"), soft_wrap=True)
            elif wrong and not failed:
                screen.print(Text(f"{view.now:%H:%M:%S} it can be read again"), soft_wrap=True)
            wrong = failed
            if failed:
                continue
            for line in self.what.news(before, view):
                screen.print(Text(line), soft_wrap=True)
            screen.file.flush()
            before = view
        return view

    def lines(self) -> Shown:
        """One JSON object a line."""
        for view, failed in self.readings(_nothing):
            if failed:
                print(f"error: {failed}", file=sys.stderr)
            else:
                write_line(self.what.kind, view.now, view)
        return view


@dataclass(slots=True)
class _Drawn(Generic[Shown]):
    """What a terminal shows, and when it was read."""

    what: Following[Shown]
    screen: Console
    _live: Live | None = None
    _view: Shown | None = None
    _failed: str | None = None
    _read_at: float = 0.0
    _size: tuple[int, int] = (0, 0)
    _ticks: int = 0

    def open(self, live: Live, view: Shown) -> None:
        self._live = live
        self.read(view, None)

    def read(self, view: Shown, failed: str | None) -> None:
        """Draw it. A view that could not be read again keeps its time."""
        if failed is None:
            self._read_at = time.monotonic()
        self._view, self._failed = view, failed
        self._draw()

    def go_on(self) -> None:
        """A tick: times go on, and a screen of another size is filled."""
        self._ticks += 1
        if self._ticks >= TICKS or self._size != self.screen.size:
            self._draw()

    def _draw(self) -> None:
        if self._live is None or self._view is None:
            return
        self._ticks, self._size = 0, self.screen.size
        since = timedelta(seconds=int(time.monotonic() - self._read_at))
        picture = self.what.picture(replace(self._view, now=self._view.now + since), self.screen.width)
        said = [Text(f"{self._failed}: the figures are as of {self._view.now:%H:%M:%S} UTC", style="bold red")] if self._failed else []
        self._live.update(Frame(Group(*said, picture), self.what.whole), refresh=True)


@contextmanager
def _ended_as_by_hand() -> Iterator[None]:
    """Who asks it to end gets the terminal back as it was."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
