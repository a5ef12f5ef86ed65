"""`steelyard lint FILE...`: what the API server would refuse, before anything is applied."""

from __future__ import annotations

import argparse

from steelyard.cli.command import FAILED, OK, UNHEALTHY, Command


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", nargs="+", metavar="FILE", help="manifests in YAML or JSON: files, folders of them, or - for standard input"
    )


def _run(arguments: argparse.Namespace) -> int:
    from datetime import UTC, datetime  # noqa: PLC0415 - `--help` must not wait for what only the answer needs.

    from steelyard.cli.answer import answer  # noqa: PLC0415
    from steelyard.cli.manifest_file import manifests  # noqa: PLC0415
    from steelyard.cli.text.lint import show  # noqa: PLC0415
    from steelyard.cli.view.lint import lint  # noqa: PLC0415

    view = lint(manifests(arguments.file))
    answer(arguments, "Lint", datetime.now(UTC), view, show)
    return UNHEALTHY if view.errors else OK


COMMAND = Command(
    name="lint",
    summary="check manifests before they are applied: what would be refused, and what to write instead",
    description="Reads InferenceWorkloads, AcceleratorPools and AcceleratorTrials out of files and says of each field that the API server would "
    "refuse what to write instead. Names of pools, workloads and samples that none of the files has are doubts, where the files have others of that kind. "
    "Of objects of other kinds it looks at the keys of ConfigMaps alone. It asks no cluster: render templates first, as in `helm template . | steelyard lint -`.",
    add_arguments=_arguments,
    run=_run,
    cluster=False,
    exits=((OK, "nothing would be refused"), (UNHEALTHY, "something would be"), (FAILED, "wrong usage, or a file that cannot be read")),
)
