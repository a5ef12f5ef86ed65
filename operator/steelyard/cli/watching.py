"""A view that is read again every few seconds: read, show, wait. A failed reading keeps the last picture and says so."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from steelyard.cli.command import OK
from steelyard.cli.connection import Connection
from steelyard.cli.document import write_line
from steelyard.cli.gather import connect, gather
from steelyard.cli.gathered import Gathered
from steelyard.cli.problem import Problem
from steelyard.cli.text.console import console


class View(Protocol):
    """What is shown."""

    @property
    def now(self) -> datetime:
        """The API server's clock at the reading."""


Shown = TypeVar("Shown", bound=View)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched(Generic[Shown]):
    """kind: of its JSON. view: of what was read. picture: of the view, at a width. workload: the one that is read, None for all."""

    kind: str
    view: Callable[[Gathered], Shown]
    picture: Callable[[Shown, int], RenderableType]
    workload: str | None = None


def watch(arguments: argparse.Namespace, what: Watched[Shown], *, once: bool = False) -> int:
    """Until interrupted, or once. The first reading must succeed: what is wrong from the start is an error."""
    connection, namespace = connect(arguments)
    loop = _Loop(what, connection, namespace, arguments.interval)
    view = loop.read()
    if arguments.output == "json":
        return loop.lines(view, once=once)
    screen = console()
    if once:
        screen.print(what.picture(view, screen.width))
        return OK
    try:
        if screen.is_terminal:
            loop.live(screen, view)
        else:
            loop.plain(screen, view)
    except KeyboardInterrupt:
        return OK
    return OK


@dataclass(frozen=True, slots=True)
class _Loop(Generic[Shown]):
    what: Watched[Shown]
    connection: Connection
    namespace: str | None
    interval: float

    def read(self) -> Shown:
        """Once more."""
        return self.what.view(gather(self.connection, self.namespace, self.what.workload))

    def live(self, screen: Console, view: Shown) -> None:
        """In place, as much of it as the screen is high."""
        with Live(self.what.picture(view, screen.width), console=screen, auto_refresh=False, screen=True, vertical_overflow="crop") as live:
            while True:
                time.sleep(self.interval)
                try:
                    view = self.read()
                    shown = self.what.picture(view, screen.width)
                except Problem as problem:
                    said = Text(f"{problem.what}: the figures are as of {view.now:%H:%M:%S} UTC")
                    shown = Group(said, self.what.picture(view, screen.width))
                live.update(shown, refresh=True)

    def plain(self, screen: Console, view: Shown) -> None:
        """One picture after the other."""
        screen.print(self.what.picture(view, screen.width))
        while True:
            time.sleep(self.interval)
            try:
                view = self.read()
            except Problem as problem:
                screen.print(Text(f"{problem.what}: the figures above are as of {view.now:%H:%M:%S} UTC"))
                continue
            screen.print()
            screen.print(self.what.picture(view, screen.width))

    def lines(self, view: Shown, *, once: bool) -> int:
        """One JSON object a line."""
        write_line(self.what.kind, view.now, view)
        while not once:
            time.sleep(self.interval)
            try:
                write_line(self.what.kind, view.now, view := self.read())
            except Problem as problem:
                print(f"error: {problem.what}", file=sys.stderr)
        return OK
