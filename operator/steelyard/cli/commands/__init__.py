"""One command a file. The list is what `steelyard --help` shows, in this order."""

from __future__ import annotations

from steelyard.cli.command import Command
from steelyard.cli.commands import bill, catalogue, completion, explain, replay, report, simulate, status, top, version

COMMANDS: tuple[Command, ...] = (
    status.COMMAND,
    explain.COMMAND,
    top.COMMAND,
    report.COMMAND,
    simulate.COMMAND,
    replay.COMMAND,
    catalogue.COMMAND,
    bill.COMMAND,
    completion.COMMAND,
    version.COMMAND,
)
