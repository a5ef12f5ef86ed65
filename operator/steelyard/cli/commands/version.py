"""`steelyard version`."""

from __future__ import annotations

import argparse
import json

from steelyard.cli.command import OK, Command


def _arguments(parser: argparse.ArgumentParser) -> None:
    """None beside the format."""


def _run(arguments: argparse.Namespace) -> int:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - only this command needs it.

    try:
        number = version("steelyard")
    except PackageNotFoundError:
        number = "unknown"
    print(json.dumps({"version": number}) if arguments.output == "json" else f"steelyard {number}")
    return OK


COMMAND = Command(
    name="version",
    summary="the version of this command",
    description="The version of this command. It asks no cluster.",
    add_arguments=_arguments,
    run=_run,
    cluster=False,
)
