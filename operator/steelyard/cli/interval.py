"""The option of commands that read again: how long they wait."""

from __future__ import annotations

import argparse

FASTEST = 0.5
"""Seconds. Status changes at a move's steps and by windows; asking more often only costs the API server."""


def add_interval(parser: argparse.ArgumentParser) -> None:
    """`--interval SECONDS`."""
    parser.add_argument("--interval", type=_seconds, default=2.0, metavar="SECONDS", help="time between two readings (default: 2)")


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not FASTEST <= value <= 3600:
        raise argparse.ArgumentTypeError(f"must be {FASTEST} to 3600 seconds; found {text!r}")
    return value
