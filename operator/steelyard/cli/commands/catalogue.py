"""`steelyard catalogue`: accelerators, instance types and claims that are known, and the check of a user's own file."""

from __future__ import annotations

import argparse

from steelyard.cli.command import FAILED, OK, Command

TAKES = {"list": {"file"}, "show": {"file", "model"}, "check": set[str]()}
"""The options of each action."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=("list", "show", "check"), default="list", help="what to do (default: list)")
    parser.add_argument("subject", nargs="?", metavar="NAME|FILE", help="show: an accelerator, instance type or model; check: a YAML file")
    parser.add_argument("--model", metavar="PATTERN", help="show: only figures of these models, such as bert-base-uncased or 'bert*'")
    parser.add_argument("-f", "--file", metavar="FILE", help="lay this YAML file over the shipped catalogue first")


def _run(arguments: argparse.Namespace) -> int:
    from datetime import UTC, datetime  # noqa: PLC0415 - `--help` must not wait for what only the answer needs.
    from pathlib import Path  # noqa: PLC0415

    from steelyard.app.catalogue import from_file, shipped  # noqa: PLC0415
    from steelyard.cli.answer import answer  # noqa: PLC0415
    from steelyard.cli.problem import Problem  # noqa: PLC0415
    from steelyard.cli.text.catalogue import show  # noqa: PLC0415
    from steelyard.cli.view.catalogue import added, catalogue, entry  # noqa: PLC0415
    from steelyard.core.catalogue.entry import CatalogueError  # noqa: PLC0415

    action, subject = arguments.action, arguments.subject
    for option in ("model", "file"):
        if getattr(arguments, option) is not None and option not in TAKES[action]:
            takers = " or ".join(each for each, options in TAKES.items() if option in options)
            raise Problem(f"{action} takes no --{option}", f"leave it out; {takers} takes it")
    if (action == "list") != (subject is None):
        asked = {"list": "list takes no further word", "show": "show needs a name", "check": "check needs a file"}[action]
        raise Problem(asked, "steelyard catalogue [list | show NAME | check FILE]")
    file = subject if action == "check" else arguments.file
    try:
        whole = shipped() if file is None else from_file(Path(file))
    except CatalogueError as error:
        raise Problem(str(error), "mend these fields; docs/reference/catalogue.md has them all with an example") from error
    view = catalogue(whole) if action == "list" else entry(whole, subject, arguments.model) if action == "show" else added(shipped(), whole)
    answer(
        arguments,
        type(view).__name__.removesuffix("View"),
        datetime.now(UTC),
        view,
        lambda to, told: show(to, told, brief=arguments.model is None),
    )
    return OK


COMMAND = Command(
    name="catalogue",
    summary="accelerators, instance types and advertised figures that are known before anything is measured",
    description="What is known of accelerators and instance types: facts, list prices and advertised figures, each with its source and date. "
    "show has the figures of many models in one line; --model shows those of some. "
    "check reads a YAML file of your own and says all that is wrong with it. It asks no cluster, and no figure of it is used where a pool "
    "or a measurement has one.",
    add_arguments=_arguments,
    run=_run,
    cluster=False,
    exits=((OK, "done; check: the file can be used"), (FAILED, "wrong usage, no such name, or a file that cannot be used")),
)
