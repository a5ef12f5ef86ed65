"""`steelyard bill LEDGER BILL...`: what the ledger booked against what the provider charges."""

from __future__ import annotations

import argparse
from datetime import date

from steelyard.cli.command import FAILED, OK, UNHEALTHY, Command
from steelyard.cli.day import day


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ledger", metavar="LEDGER", help="the operator's log, or node costs as .json or .csv")
    parser.add_argument("bill", nargs="+", metavar="BILL", help="a FOCUS export: .csv, .csv.gz or .parquet; all parts of it")
    parser.add_argument(
        "--tag",
        metavar="KEY[=VALUE]",
        help="a tag that the bill has on all nodes of the pools: then nodes that the ledger does not know are found too",
    )
    parser.add_argument("--since", type=day, default=date.min, metavar="DAY", help="the first day (UTC); default: the ledger's")
    parser.add_argument("--until", type=day, default=date.max, metavar="DAY", help="the last day (UTC); default: the ledger's")


def _run(arguments: argparse.Namespace) -> int:
    from steelyard.cli.answer import answer  # noqa: PLC0415
    from steelyard.cli.bill_file import bill_lines  # noqa: PLC0415 - `--help` must not wait for what only this command needs.
    from steelyard.cli.ledger_file import ledger  # noqa: PLC0415
    from steelyard.cli.text.bill import show  # noqa: PLC0415
    from steelyard.cli.view.bill import compare  # noqa: PLC0415

    view = compare(ledger(arguments.ledger), bill_lines(arguments.bill), arguments.tag, arguments.since, arguments.until)
    answer(arguments, "Bill", view.now, view, show)
    return OK if view.agrees else UNHEALTHY


COMMAND = Command(
    name="bill",
    summary="the ledger against the provider's bill: what both know, what one only knows, and why they differ",
    description="Matches the nodes' costs that the operator logged with a bill in the FinOps format FOCUS, by machine and day, and names the "
    "difference by cause: hours, class of the price, commitments. It reads files and asks no cluster.",
    add_arguments=_arguments,
    run=_run,
    cluster=False,
    exits=(
        (OK, "the ledger agrees with the bill"),
        (UNHEALTHY, "a pool is off by more than its class of price allows, or a node is in one of the two only"),
        (FAILED, "wrong usage, or a file that cannot be read"),
    ),
)
