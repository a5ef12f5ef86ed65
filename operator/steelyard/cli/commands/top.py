"""`steelyard top`: workloads and pools, live."""

from __future__ import annotations

import argparse

from steelyard.cli.command import Command
from steelyard.cli.interval import add_interval


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="the workloads of all namespaces")
    add_interval(parser)
    parser.add_argument("--once", action="store_true", help="print once and end")


def _run(arguments: argparse.Namespace) -> int:
    from steelyard.cli.gather import gather  # noqa: PLC0415 - `--help` must not wait for the API client.
    from steelyard.cli.text.top import picture  # noqa: PLC0415
    from steelyard.cli.view.top import top  # noqa: PLC0415
    from steelyard.cli.watching import Watched, watch  # noqa: PLC0415

    return watch(
        arguments,
        Watched(kind="Top", read=lambda connection, namespace: top(gather(connection, namespace)), picture=picture),
        once=arguments.once,
    )


COMMAND = Command(
    name="top",
    summary="workloads and pools, live",
    description="Workloads and pools, read again every few seconds. Not on a terminal, one table after the other is printed; with -o json "
    "one object a line.",
    add_arguments=_arguments,
    run=_run,
)
