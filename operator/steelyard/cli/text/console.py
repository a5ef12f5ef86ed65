"""The console: colours only on a terminal and without NO_COLOR; a pipe gets a fixed width, so that lines stay whole for grep."""

from __future__ import annotations

import os
import sys

from rich.console import Console

PIPE_WIDTH = 160


class _Patient(Console):
    """rich ends with 1 when the reader of a pipe has enough, which would pass for "unhealthy"."""

    def on_broken_pipe(self) -> None:
        """Told to `main`, which ends in peace."""
        raise BrokenPipeError


def console() -> Console:
    """For standard output. Text of the cluster is never taken for markup."""
    terminal = sys.stdout.isatty()
    plain = not terminal or bool(os.environ.get("NO_COLOR"))
    return _Patient(
        color_system=None if plain else "auto",
        force_terminal=terminal,
        markup=False,
        emoji=False,
        highlight=False,
        width=None if terminal or "COLUMNS" in os.environ else PIPE_WIDTH,
        legacy_windows=False,
    )
