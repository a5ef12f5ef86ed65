"""What a command is: its words, its arguments, and what it does."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

OK = 0
UNHEALTHY = 1
FAILED = 2
"""Wrong usage, or the cluster did not answer as needed. argparse uses the same number."""
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Command:
    """One word after `steelyard`, or two: that of a group, and its own.

    This file of a command must import quickly, since all are imported for `--help`: `run` imports what it needs. `run` returns the exit code.
    """

    name: str
    summary: str
    description: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    cluster: bool = True
    """Whether it takes the options that say which cluster."""
    formats: tuple[str, ...] = ("text", "json")
    """Choices of -o; fewer than two: no such option."""
    short: tuple[str, ...] = ()
    """Of the formats, those that are options too: --json is -o json."""
    exits: tuple[tuple[int, str], ...] = ((OK, "done"), (FAILED, "wrong usage, or the cluster could not be asked"))
