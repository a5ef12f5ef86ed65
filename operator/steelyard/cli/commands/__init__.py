"""One command a file. The list is what `steelyard --help` shows, in this order."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from steelyard.cli.command import Command
from steelyard.cli.commands import bill, catalogue, completion, explain, replay, simulate, status, top, version


def commands() -> tuple[Command, ...]:
    """Every command. The demo is a package of its own, `steelyard.cli.demo.command`, and may be left out of a build."""
    return (
        status.COMMAND,
        explain.COMMAND,
        top.COMMAND,
        simulate.COMMAND,
        replay.COMMAND,
        catalogue.COMMAND,
        bill.COMMAND,
        *_demo(),
        completion.COMMAND,
        version.COMMAND,
    )


def _demo() -> tuple[Command, ...]:
    if find_spec("steelyard.cli.demo") is None or find_spec("steelyard.cli.demo.command") is None:
        return ()
    found: Command = import_module("steelyard.cli.demo.command").COMMAND
    return (found,)
