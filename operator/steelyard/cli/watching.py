"""The loop of `top`: read, show, wait. A failed reading keeps the last picture and says so."""

from __future__ import annotations

import argparse
import sys
import time

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from steelyard.cli.command import OK
from steelyard.cli.connection import Connection
from steelyard.cli.document import write_line
from steelyard.cli.gather import connect, gather
from steelyard.cli.problem import Problem
from steelyard.cli.text.console import console
from steelyard.cli.text.top import picture
from steelyard.cli.view.top import TopView, top


def watch(arguments: argparse.Namespace) -> int:
    """Until interrupted, or once. The first reading must succeed: what is wrong from the start is an error."""
    connection, namespace = connect(arguments)
    view = _read(connection, namespace)
    if arguments.output == "json":
        return _lines(arguments, connection, namespace, view)
    screen = console()
    if arguments.once:
        screen.print(picture(view, screen.width))
        return OK
    try:
        if screen.is_terminal:
            _live(screen, arguments.interval, connection, namespace, view)
        else:
            _plain(screen, arguments.interval, connection, namespace, view)
    except KeyboardInterrupt:
        return OK
    return OK


def _read(connection: Connection, namespace: str | None) -> TopView:
    return top(gather(connection, namespace))


def _live(screen: Console, interval: float, connection: Connection, namespace: str | None, view: TopView) -> None:
    with Live(picture(view, screen.width), console=screen, auto_refresh=False, screen=True) as live:
        while True:
            time.sleep(interval)
            try:
                view = _read(connection, namespace)
                shown = picture(view, screen.width)
            except Problem as problem:
                shown = Group(Text(f"{problem.what}: the figures are as of {view.now:%H:%M:%S} UTC"), picture(view, screen.width))
            live.update(shown, refresh=True)


def _plain(screen: Console, interval: float, connection: Connection, namespace: str | None, view: TopView) -> None:
    screen.print(picture(view, screen.width))
    while True:
        time.sleep(interval)
        try:
            view = _read(connection, namespace)
        except Problem as problem:
            screen.print(Text(f"{problem.what}: the figures above are as of {view.now:%H:%M:%S} UTC"))
            continue
        screen.print()
        screen.print(picture(view, screen.width))


def _lines(arguments: argparse.Namespace, connection: Connection, namespace: str | None, view: TopView) -> int:
    write_line("Top", view.now, view)
    while not arguments.once:
        time.sleep(arguments.interval)
        try:
            write_line("Top", view.now, view := _read(connection, namespace))
        except Problem as problem:
            print(f"error: {problem.what}", file=sys.stderr)
    return OK
