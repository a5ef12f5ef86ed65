"""`steelyard explain WORKLOAD`: why it runs where it runs, and what would change that."""

from __future__ import annotations

import argparse

from steelyard.cli.command import OK, Command
from steelyard.cli.interval import add_interval


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("workload", metavar="WORKLOAD", help="the InferenceWorkload")
    parser.add_argument(
        "-w",
        "--watch",
        action="store_true",
        help="read again every few seconds until Ctrl-C: on a terminal in place, elsewhere a line for what is new",
    )
    add_interval(parser)


def _run(arguments: argparse.Namespace) -> int:
    from steelyard.cli.answer import answer  # noqa: PLC0415
    from steelyard.cli.gather import gather_told, within  # noqa: PLC0415 - `--help` must not wait for the API client.
    from steelyard.cli.text.explain import show  # noqa: PLC0415
    from steelyard.cli.view.explain import explain  # noqa: PLC0415

    if arguments.watch:
        return _watch(arguments)
    connection, namespace = within(arguments)
    view = explain(gather_told(connection, namespace, arguments.workload))
    answer(arguments, "Explanation", view.now, view, show)
    return OK


def _watch(arguments: argparse.Namespace) -> int:
    from steelyard.cli.gather import gather_told  # noqa: PLC0415
    from steelyard.cli.text.explain import live  # noqa: PLC0415
    from steelyard.cli.text.explain_news import news  # noqa: PLC0415
    from steelyard.cli.view.explain import explain  # noqa: PLC0415
    from steelyard.cli.watching import Watched, watch  # noqa: PLC0415

    one = arguments.workload
    what = Watched(
        kind="Explanation",
        read=lambda connection, namespace: explain(gather_told(connection, namespace or connection.namespace, one)),
        picture=live,
        news=news,
        whole=f"`steelyard explain {one}`",
    )
    return watch(arguments, what)


COMMAND = Command(
    name="explain",
    summary="why a workload runs where it runs: every pool, the claims, the gates, and what would change the decision",
    description="Every pool in a table: feasible or why not, latency against the objective, unit cost with interval and n, claimed or "
    "measured, price and its age, verdict on the claims; then the gates of the last decision and what would change it. It shows what the "
    "operator wrote to status and recomputes nothing. With -w it is followed: on a terminal it changes in place, first what is under way (the "
    "steps of the move with the time left, replicas and traffic of each pool, the evidence so far, the money of an exploration, trials, compiles) and the "
    "workload's Kubernetes Events; elsewhere a line says what is new; with -o json one object a line. Colour is never the only sign, and off "
    "with NO_COLOR or TERM=dumb.",
    add_arguments=_arguments,
    run=_run,
)
