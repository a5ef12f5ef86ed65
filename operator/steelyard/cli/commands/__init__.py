"""One command a file. The list is what `steelyard --help` shows, in this order."""

from __future__ import annotations

from steelyard.cli.command import Command
from steelyard.cli.commands import (
    bill,
    catalogue,
    completion,
    explain,
    lint,
    observe,
    replay,
    report,
    simulate,
    status,
    top,
    trial_list,
    trial_local,
    trial_show,
    trial_start,
    trial_stop,
    version,
)

GROUPS = {"trial": "compare pools by a workload's own model and promise, for a bounded amount of money, and judge what is claimed"}
"""The first word of commands of two words, and what they are for."""
COMMANDS: tuple[Command, ...] = (
    status.COMMAND,
    explain.COMMAND,
    top.COMMAND,
    report.COMMAND,
    observe.COMMAND,
    lint.COMMAND,
    trial_start.COMMAND,
    trial_list.COMMAND,
    trial_show.COMMAND,
    trial_stop.COMMAND,
    trial_local.COMMAND,
    simulate.COMMAND,
    replay.COMMAND,
    catalogue.COMMAND,
    bill.COMMAND,
    completion.COMMAND,
    version.COMMAND,
)
