"""`steelyard top`: workloads and pools, live."""

from __future__ import annotations

import argparse

from steelyard.cli.command import Command

FASTEST = 0.5
"""Seconds. Status changes at a move's steps and by windows; asking more often only costs the API server."""


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not FASTEST <= value <= 3600:
        raise argparse.ArgumentTypeError(f"must be {FASTEST} to 3600 seconds; found {text!r}")
    return value


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="the workloads of all namespaces")
    parser.add_argument("--interval", type=_seconds, default=2.0, metavar="SECONDS", help="time between two readings (default: 2)")
    parser.add_argument("--once", action="store_true", help="print once and end")


def _run(arguments: argparse.Namespace) -> int:
    from steelyard.cli.watching import watch  # noqa: PLC0415 - `--help` must not wait for the API client.

    return watch(arguments)


COMMAND = Command(
    name="top",
    summary="workloads and pools, live",
    description="Workloads and pools, read again every few seconds. Not on a terminal, one table after the other is printed; with -o json "
    "one object a line.",
    add_arguments=_arguments,
    run=_run,
)
