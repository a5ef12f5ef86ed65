"""`steelyard report NAME`: one page for somebody who decides."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from steelyard.cli.command import OK, Command
from steelyard.cli.day import day

if TYPE_CHECKING:
    from steelyard.cli.view.period import PeriodView


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the InferenceWorkload; without one of that name, the AcceleratorTrial")
    parser.add_argument("--trial", action="store_true", help="the AcceleratorTrial, even if there is an InferenceWorkload of that name")
    parser.add_argument(
        "--signed-by",
        metavar="NAME",
        help="put `Signed off by NAME on DATE` at the end of the page; default: a line to sign on, where it is printed",
    )
    parser.add_argument(
        "--ledger",
        metavar="FILE",
        help="of a workload: the operator's log, or node costs as .json or .csv. Adds what its nodes cost on these days, and what that was for",
    )
    parser.add_argument(
        "--bill",
        action="append",
        metavar="FILE",
        help="beside --ledger: a FOCUS export (.csv, .csv.gz or .parquet), once for each of its parts. Adds what was billed and what is not explained",
    )
    parser.add_argument("--since", type=day, default=date.min, metavar="DAY", help="the first day (UTC) of the ledger; default: its first")
    parser.add_argument("--until", type=day, default=date.max, metavar="DAY", help="the last day (UTC) of the ledger; default: its last")
    parser.add_argument(
        "--to",
        metavar="FILE",
        help="where to write; - is standard output. Default: NAME-report.html, for llm-d the folder NAME-llm-d, and standard output for json and csv",
    )
    parser.add_argument(
        "--record",
        metavar="LOG",
        type=Path,
        help="the operator's log (- is standard input): the record that the report rests on is written beside it, as NAME-record.json for `steelyard replay`",
    )


def _run(arguments: argparse.Namespace) -> int:
    from steelyard.cli.gather import within  # noqa: PLC0415 - `--help` must not wait for the API client.
    from steelyard.cli.problem import Problem  # noqa: PLC0415
    from steelyard.cli.report_file import content, put, put_benchmarks, put_record  # noqa: PLC0415
    from steelyard.cli.reporting import reported  # noqa: PLC0415

    if arguments.signed_by is not None and arguments.output != "html":
        raise Problem(f"--signed-by is for the page, and -o {arguments.output} makes none", "leave out one of the two")
    view = reported(*within(arguments), arguments.name, trial=arguments.trial, period=_period(arguments))
    usual = {"html": f"{arguments.name}-report.html", "llm-d": f"{arguments.name}-llm-d"}
    to = arguments.to or usual.get(arguments.output, "-")
    if arguments.output == "llm-d":
        put_benchmarks(view, to)
    else:
        put(content(view, arguments.output, arguments.signed_by), to, view.title)
    if arguments.record is not None:
        put_record(view, arguments.record, Path(to).with_name(f"{arguments.name}-record.json"))
    return OK


def _period(arguments: argparse.Namespace) -> Callable[[str], PeriodView] | None:
    """What the ledger has of a workload. None without one."""
    from steelyard.cli.bill_file import bill_lines  # noqa: PLC0415
    from steelyard.cli.ledger_file import ledger  # noqa: PLC0415
    from steelyard.cli.problem import Problem  # noqa: PLC0415
    from steelyard.cli.view.period import period_view  # noqa: PLC0415

    if arguments.ledger is None:
        if arguments.bill:
            raise Problem("a bill alone does not say what of it is the workload's", "give the operator's log with --ledger")
        if (arguments.since, arguments.until) != (date.min, date.max):
            raise Problem("--since and --until are days of a ledger, and none was given", "give the operator's log with --ledger")
        return None
    booked = ledger(arguments.ledger)
    lines = bill_lines(arguments.bill) if arguments.bill else None
    return lambda workload: period_view(booked, lines, workload, arguments.since, arguments.until)


COMMAND = Command(
    name="report",
    summary="one page for who decides: what was claimed, what was measured, and what that is in money",
    description="One HTML file that needs no server, no script and nothing from elsewhere. Of a workload: the verdict on each claim, quality before cost, what "
    "a month costs on each pool, prices with class and age, what would change the answer, and what is in doubt. Of a trial: the verdict, equal "
    "quality at the same loads, capacity and cost on each pool, at which loads a claim would turn, what is in doubt, and the command that makes the "
    "same trial. It shows what the operator wrote to status; with --ledger, of a workload, also what its nodes cost on some days, what for, and with --bill "
    "what the provider charged for them. With --csv the figures for a spreadsheet, with --ledger those of the days; with --json all of it; with -o llm-d, of a trial, "
    "a folder of llm-d Benchmark Reports (version 0.2.1), one for each pool and steady load.",
    add_arguments=_arguments,
    run=_run,
    formats=("html", "json", "csv", "llm-d"),
    short=("json", "csv"),
)
