"""`steelyard explain WORKLOAD`: why it runs where it runs, and what would change that."""

from __future__ import annotations

import argparse

from steelyard.cli.command import OK, Command
from steelyard.cli.interval import add_interval


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("workload", metavar="WORKLOAD", help="the InferenceWorkload")
    parser.add_argument("-w", "--watch", action="store_true", help="read again every few seconds: on a terminal in place, a move first")
    add_interval(parser)


def _run(arguments: argparse.Namespace) -> int:
    from steelyard.cli.answer import answer  # noqa: PLC0415
    from steelyard.cli.gather import connect, gather  # noqa: PLC0415 - `--help` must not wait for the API client.
    from steelyard.cli.text.explain import show  # noqa: PLC0415
    from steelyard.cli.view.explain import explain  # noqa: PLC0415

    if arguments.watch:
        from steelyard.cli.text.explain import live  # noqa: PLC0415
        from steelyard.cli.watching import Watched, watch  # noqa: PLC0415

        one = arguments.workload
        return watch(
            arguments, Watched(kind="Explanation", read=lambda connection, within: explain(gather(connection, within, one)), picture=live)
        )
    connection, namespace = connect(arguments)
    view = explain(gather(connection, namespace, arguments.workload))
    answer(arguments, "Explanation", view.now, view, show)
    return OK


COMMAND = Command(
    name="explain",
    summary="why a workload runs where it runs: every pool, the claims, the gates, and what would change the decision",
    description="Every pool in a table: feasible or why not, latency against the objective, unit cost with interval and n, claimed or "
    "measured, price and its age, verdict on the claims; then the gates of the last decision and what would change it. It shows what the "
    "operator wrote to status and recomputes nothing. With -w it is read again every few seconds, with -o json one object a line.",
    add_arguments=_arguments,
    run=_run,
)
