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
    from steelyard.cli.gather import gather_live  # noqa: PLC0415 - `--help` must not wait for the API client.
    from steelyard.cli.text.top import news, picture  # noqa: PLC0415
    from steelyard.cli.view.top import top  # noqa: PLC0415
    from steelyard.cli.watching import Watched, watch  # noqa: PLC0415

    return watch(
        arguments,
        Watched(
            kind="Top",
            read=lambda connection, namespace: top(gather_live(connection, namespace)),
            picture=picture,
            news=news,
            whole="`steelyard top --once`",
        ),
        once=arguments.once,
    )


COMMAND = Command(
    name="top",
    summary="workloads and pools, live",
    description="Workloads and pools, read again every few seconds until Ctrl-C. On a terminal it changes in place: workloads, the moves under way "
    "with their steps, time left, replicas, traffic, evidence and money, trials with their time left and money, then pools. Elsewhere a line says what is new; with -o json one object a line.",
    add_arguments=_arguments,
    run=_run,
)
