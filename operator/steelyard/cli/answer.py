"""A view as it was asked for: text for people, or JSON for programs."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from rich.console import Console

from steelyard.cli.document import write
from steelyard.cli.text.console import console

View = TypeVar("View")


def answer(arguments: argparse.Namespace, kind: str, now: datetime, view: View, show: Callable[[Console, View], None]) -> None:
    """`kind` and `now`: of the JSON document."""
    if arguments.output == "json":
        write(kind, now, view)
    else:
        show(console(), view)
