"""`steelyard trial list`: one line a trial."""

from __future__ import annotations

import argparse

from steelyard.cli.command import OK, Command


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="the trials of all namespaces")


def _run(arguments: argparse.Namespace) -> int:
    from steelyard.cli.answer import answer  # noqa: PLC0415
    from steelyard.cli.gather import connect  # noqa: PLC0415 - `--help` must not wait for the API client.
    from steelyard.cli.group import TRIAL  # noqa: PLC0415
    from steelyard.cli.lookup import every  # noqa: PLC0415
    from steelyard.cli.text.trials import show  # noqa: PLC0415
    from steelyard.cli.view.trials import trials_view  # noqa: PLC0415

    connection, namespace = connect(arguments)
    found = every(connection, TRIAL, namespace)
    view = trials_view(found, connection.now, namespace)
    answer(arguments, "Trials", view.now, view, show)
    return OK


COMMAND = Command(
    name="trial list",
    summary="one line a trial: workload, pools, how far it is, the first verdict, and what it has cost",
    description="One line a trial, those that go on first, then the newest: workload, pools, why it ended or what it does, the first verdict in short, "
    "what it has cost and what it may cost.",
    add_arguments=_arguments,
    run=_run,
)
