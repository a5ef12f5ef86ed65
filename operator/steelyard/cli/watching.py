"""A view that is read again every few seconds: read, show, wait. A failed reading keeps the last picture and says so."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from steelyard.cli.command import OK
from steelyard.cli.connection import Connection
from steelyard.cli.document import write_line
from steelyard.cli.gather import connect
from steelyard.cli.problem import NotThere, Problem
from steelyard.cli.text.console import console


class View(Protocol):
    """What is shown."""

    @property
    def now(self) -> datetime:
        """The API server's clock at the reading."""


Shown = TypeVar("Shown", bound=View)


def never(_: Any) -> bool:
    """Only the user ends it."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Following(Generic[Shown]):
    """kind: of its JSON. picture: of the view, at a width. over: whether it is the last one. news: without a terminal, a line for everything that changed;
    None: one picture after the other."""

    kind: str
    picture: Callable[[Shown, int], RenderableType]
    over: Callable[[Shown], bool] = never
    news: Callable[[Shown | None, Shown], Iterable[str]] | None = None


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
    return follow(arguments.output, what, _readings(what, connection, namespace, arguments.interval))


def follow(output: str, what: Following[Shown], readings: Iterator[tuple[Shown, str | None]]) -> Shown:
    """Show view after view, each with why it could not be read anew: the last one."""
    loop = _Loop(what, readings)
    if output == "json":
        return loop.lines()
    screen = console()
    return loop.live(screen) if screen.is_terminal else loop.plain(screen)


def _readings(what: Watched[Shown], connection: Connection, namespace: str | None, interval: float) -> Iterator[tuple[Shown, str | None]]:
    """View after view; where one could not be read, that of before, and why."""
    view, failed = what.read(connection, namespace), None
    yield view, failed
    while not what.over(view):
        time.sleep(interval)
        try:
            view, failed = what.read(connection, namespace), None
        except Problem as problem:
            if isinstance(problem, NotThere) and what.over is not never:
                raise  # It was deleted, and will not be over.
            failed = problem.what
        yield view, failed


@dataclass(frozen=True, slots=True)
class _Loop(Generic[Shown]):
    what: Following[Shown]
    readings: Iterator[tuple[Shown, str | None]]

    def live(self, screen: Console) -> Shown:
        """In place, as much of it as the screen is high."""
        view, _ = next(self.readings)
        if self.what.over(view):
            return view
        with Live(self.what.picture(view, screen.width), console=screen, auto_refresh=False, screen=True, vertical_overflow="crop") as live:
            for view, failed in self.readings:
                said = [Text(f"{failed}: the figures are as of {view.now:%H:%M:%S} UTC")] if failed else []
                live.update(Group(*said, self.what.picture(view, screen.width)), refresh=True)
        return view

    def plain(self, screen: Console) -> Shown:
        """One picture after the other, or what is new."""
        before: Shown | None = None
        wrong: str | None = None
        for view, failed in self.readings:
            if failed and failed != wrong:
                screen.print(Text(f"{failed}: the figures above are as of {view.now:%H:%M:%S} UTC"))
            wrong = failed
            if failed:
                continue
            if self.what.news is not None:
                for line in self.what.news(before, view):
                    screen.print(Text(line), soft_wrap=True)
            else:
                screen.print(*() if before is None else ("",), self.what.picture(view, screen.width), sep="\n")
            before = view
        return view

    def lines(self) -> Shown:
        """One JSON object a line."""
        for view, failed in self.readings:
            if failed:
                print(f"error: {failed}", file=sys.stderr)
            else:
                write_line(self.what.kind, view.now, view)
        return view
