"""`steelyard version`."""

from __future__ import annotations

import argparse
import json
from typing import Any

from steelyard.cli.command import OK, Command


def _arguments(parser: argparse.ArgumentParser) -> None:
    """None beside the format."""


def _number() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - only this command needs it.

    try:
        return version("steelyard")
    except PackageNotFoundError:
        return "unknown"


def _run(arguments: argparse.Namespace) -> int:
    number = _number()
    print(json.dumps({"version": number}) if arguments.output == "json" else f"steelyard {number}")
    return OK


class VersionOption(argparse.Action):
    """`steelyard --version`, which most people try first."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        """Print it and end."""
        print(f"steelyard {_number()}")
        parser.exit()


COMMAND = Command(
    name="version",
    summary="the version of this command",
    description="The version of this command. It asks no cluster.",
    add_arguments=_arguments,
    run=_run,
    cluster=False,
)
