"""`steelyard simulate SCENARIO.yaml`: what would happen, decided by the same core, in virtual time."""

from __future__ import annotations

import argparse
from pathlib import Path

from steelyard.cli.command import FAILED, OK, Command


def _days(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 366:
        raise argparse.ArgumentTypeError(f"must be a number of days, more than 0 and at most 366, such as 0.5; found {text!r}")
    return value


def _seed(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value < 2**31:
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 to 2147483647; found {text!r}")
    return value


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scenario", nargs="?", metavar="SCENARIO", type=Path, help="the scenario (YAML; see docs/reference/scenario.md)")
    parser.add_argument(
        "--example", nargs="?", const="", metavar="NAME", help="a scenario that comes with Steelyard; without a name: their list"
    )
    parser.add_argument(
        "--catalogue", type=Path, metavar="FILE", help="lay this YAML file over the shipped catalogue: its instance types, its claims"
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write the time line, the decision records and pictures into it")
    parser.add_argument("--seed", type=_seed, metavar="N", help="another seed than the scenario's")
    parser.add_argument("--days", type=_days, metavar="D", help="another length than the scenario's")
    parser.add_argument("--no-comparison", action="store_true", help="leave out the runs on each pool alone")
    parser.add_argument("--no-plots", action="store_true", help="write no pictures, which need matplotlib: steelyard[simulate]")
    parser.add_argument("--png", action="store_true", help="pictures as PNG instead of SVG")


def _run(arguments: argparse.Namespace) -> int:
    if arguments.example == "" and arguments.scenario is None:
        return _list(arguments)
    from steelyard.cli.answer import answer  # noqa: PLC0415
    from steelyard.cli.simulating import simulated  # noqa: PLC0415 - `--help` must not wait for the simulator.
    from steelyard.cli.text.simulation import show  # noqa: PLC0415

    view = simulated(arguments)
    answer(arguments, "Simulation", view.now, view, show)
    return OK


def _list(arguments: argparse.Namespace) -> int:
    from datetime import UTC, datetime  # noqa: PLC0415

    from steelyard.cli.answer import answer  # noqa: PLC0415
    from steelyard.cli.text.simulation import show_examples  # noqa: PLC0415
    from steelyard.cli.view.examples import listed  # noqa: PLC0415
    from steelyard.simulate.example import examples  # noqa: PLC0415

    view = listed(examples())
    answer(arguments, "Examples", datetime.now(UTC), view, show_examples)
    return OK


COMMAND = Command(
    name="simulate",
    summary="run a scenario in virtual time: what it would cost, what would be missed, and which moves there would be",
    description="Run a scenario: pools, workloads with their load, and faults, in a simulated cluster that is decided by the operator's own "
    "core. The first line is the answer: what it cost as decided, beside what each pool alone would have cost under the same rule of sizing, "
    "and the verdict on the claims; then the objective, the nodes' whole bill, where it ended and why, requests and moves. With --out it also "
    "writes a time line (CSV), the decision records (JSON lines, for `steelyard replay`) and a picture for each workload. The same seed gives the same files, byte for byte. It asks no cluster.",
    add_arguments=_arguments,
    run=_run,
    cluster=False,
    exits=(
        (OK, "the scenario was run"),
        (FAILED, "wrong usage, or the scenario cannot be run; the message says which field and what to do"),
    ),
)
