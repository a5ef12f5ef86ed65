"""`steelyard trial show TRIAL`: the verdicts, and what was found on each pool."""

from __future__ import annotations

import argparse

from steelyard.cli.command import FAILED, INTERRUPTED, OK, UNHEALTHY, Command
from steelyard.cli.interval import add_interval


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("trial", metavar="TRIAL", help="the AcceleratorTrial")
    parser.add_argument("-w", "--watch", action="store_true", help="follow it until it ends; Ctrl-C leaves it running")
    add_interval(parser)


def _run(arguments: argparse.Namespace) -> int:
    from steelyard.cli.answer import answer  # noqa: PLC0415
    from steelyard.cli.following import exit_code, follow  # noqa: PLC0415 - `--help` must not wait for the API client.
    from steelyard.cli.gather import gather_trial, within  # noqa: PLC0415
    from steelyard.cli.text.trial import show  # noqa: PLC0415
    from steelyard.cli.view.trial import trial_view  # noqa: PLC0415

    connection, namespace = within(arguments)
    if arguments.watch:
        return follow(arguments, connection, namespace, arguments.trial)
    view = trial_view(gather_trial(connection, namespace, arguments.trial))
    answer(arguments, "Trial", view.now, view, show)
    return exit_code(view)


COMMAND = Command(
    name="trial show",
    summary="a trial: the verdict on each claim, how far it is, and what was found on each pool",
    description="The verdicts first; then what it does or why it ended, what it has cost, and for each pool start-up, capacity, saturation, latency at the "
    "workload's own load and unit cost, with intervals and n; then each steady load with its pools side by side, and the claims. It shows what the "
    "operator wrote to status. With -w it is followed until it ends: on a terminal in place, elsewhere by a line for what is new, with -o json by "
    "one object a line.",
    add_arguments=_arguments,
    run=_run,
    exits=(
        (OK, "everything that was asked for is measured, or it goes on"),
        (UNHEALTHY, "it ended before that"),
        (FAILED, "wrong usage, or the cluster could not be asked"),
        (INTERRUPTED, "with -w: left with Ctrl-C; the trial goes on"),
    ),
)
