"""`steelyard report WORKLOAD`: one page for somebody who decides."""

from __future__ import annotations

import argparse

from steelyard.cli.command import OK, Command


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("workload", metavar="WORKLOAD", help="the InferenceWorkload")
    parser.add_argument(
        "--to",
        metavar="FILE",
        help="where to write; - is standard output. Default: WORKLOAD-report.html, and standard output for json and csv",
    )


def _run(arguments: argparse.Namespace) -> int:
    from steelyard.cli.gather import connect, gather  # noqa: PLC0415 - `--help` must not wait for the API client.
    from steelyard.cli.report_file import content, put  # noqa: PLC0415
    from steelyard.cli.view.report import report  # noqa: PLC0415

    connection, namespace = connect(arguments)
    view = report(gather(connection, namespace, arguments.workload))
    put(content(view, arguments.output), arguments.to or (f"{arguments.workload}-report.html" if arguments.output == "html" else "-"), view)
    return OK


COMMAND = Command(
    name="report",
    summary="one page for who decides: what was claimed, what was measured, and what that is in money",
    description="One HTML file that needs no server, no script and nothing from elsewhere: the verdict on each claim, quality before cost, what a month costs "
    "on each pool, prices with class and age, what would change the answer, and what is in doubt. It shows what the operator wrote to status. "
    "With -o csv the figures for a spreadsheet, with -o json all of it.",
    add_arguments=_arguments,
    run=_run,
    formats=("html", "json", "csv"),
)
