"""`steelyard status`: one line a workload; the exit code says whether all is well."""

from __future__ import annotations

import argparse

from steelyard.cli.command import FAILED, OK, UNHEALTHY, Command


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("workload", nargs="?", metavar="WORKLOAD", help="only this one")
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="the workloads of all namespaces")
    parser.add_argument("-v", "--verbose", action="store_true", help="add conditions, compiles and what is beside the point")


def _run(arguments: argparse.Namespace) -> int:
    from steelyard.cli.answer import answer  # noqa: PLC0415
    from steelyard.cli.gather import connect, gather  # noqa: PLC0415 - `--help` must not wait for the API client.
    from steelyard.cli.text.status import show  # noqa: PLC0415
    from steelyard.cli.view.status import status  # noqa: PLC0415

    connection, namespace = connect(arguments)
    view = status(gather(connection, namespace, arguments.workload))
    answer(arguments, "Status", view.now, view, lambda to, told: show(to, told, verbose=arguments.verbose))
    return OK if view.healthy else UNHEALTHY


COMMAND = Command(
    name="status",
    summary="one line a workload: where it runs, what a good request costs, whether the promise holds",
    description="What is wrong, if anything is, with what to do; then one line a workload: model, readiness, pool, replicas, cost per 1,000 good requests with its 95 % interval, objective, "
    "move and reason; then hints on the installation.",
    add_arguments=_arguments,
    run=_run,
    exits=(
        (OK, "every workload is ready and none is held"),
        (UNHEALTHY, "something is not ready or held"),
        (FAILED, "wrong usage, or the cluster could not be asked"),
    ),
)
