"""`steelyard replay RECORD`: decide again what was decided, from its record."""

from __future__ import annotations

import argparse
from pathlib import Path

from steelyard.cli.command import FAILED, OK, UNHEALTHY, Command


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "record",
        metavar="RECORD",
        type=Path,
        help="a record or several: JSON, JSON lines or an operator's log, plain or .gz; - is standard input",
    )


def _run(arguments: argparse.Namespace) -> int:
    from steelyard.cli.answer import answer  # noqa: PLC0415
    from steelyard.cli.recorded import records  # noqa: PLC0415 - `--help` must not wait for the core.
    from steelyard.cli.text.replay import show  # noqa: PLC0415
    from steelyard.cli.view.replay import replay  # noqa: PLC0415

    view = replay(records(arguments.record))
    answer(arguments, "Replay", view.now, view, show)
    if view.different:
        return UNHEALTHY
    return FAILED if view.other_versions else OK


COMMAND = Command(
    name="replay",
    summary="decide again what was decided, from its record, and say whether it is the same",
    description="Rebuild the facts of a decision from its record, decide again, and compare: the same verdict, reason, digest and whole "
    "numbers, and decimals to 1e-9. A record is the field `record` of a line `decided` (a workload) or `compile decided` (a CompiledModel) or `trial decided` (an AcceleratorTrial) in "
    "the operator's log; `steelyard simulate --out` writes the same lines. What differs is shown; another version of Steelyard may decide otherwise, and then this shows where. It asks no "
    "cluster.",
    add_arguments=_arguments,
    run=_run,
    cluster=False,
    exits=(
        (OK, "every decision is identical"),
        (UNHEALTHY, "one is different"),
        (FAILED, "wrong usage, or a record cannot be read, as one of another version of the record; the message says why"),
    ),
)
