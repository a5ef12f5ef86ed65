"""`steelyard trial stop TRIAL`: end it now."""

from __future__ import annotations

import argparse

from steelyard.cli.command import OK, Command


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("trial", metavar="TRIAL", help="the AcceleratorTrial")


def _run(arguments: argparse.Namespace) -> int:
    from steelyard.cli.facts.trial import trial  # noqa: PLC0415 - `--help` must not wait for the API client.
    from steelyard.cli.gather import within  # noqa: PLC0415
    from steelyard.cli.group import TRIAL  # noqa: PLC0415
    from steelyard.cli.lookup import missing  # noqa: PLC0415
    from steelyard.cli.problem import NotThere  # noqa: PLC0415

    connection, namespace = within(arguments)
    name = arguments.trial
    try:
        told = trial(connection.merge(TRIAL.path(namespace, name), {"spec": {"stop": True}}))
    except NotThere as error:
        raise missing(connection, TRIAL, namespace, name) from error
    print(
        f"{namespace}/{name} had ended already." if told.ended else f"{namespace}/{name} is told to stop: its replicas and their Jobs go."
    )
    print(f"What was measured stays in it (`steelyard trial show {name} -n {namespace}`), and what was compiled stays for the workload.")
    return OK


COMMAND = Command(
    name="trial stop",
    summary="end a trial now; what was measured stays",
    description="Set spec.stop of a trial: its replicas go, and no more money is spent. What was measured stays in its status, and what was compiled stays "
    "for the workload. A trial that was stopped cannot go on: start another one.",
    add_arguments=_arguments,
    run=_run,
    formats=(),
)
