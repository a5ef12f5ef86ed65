"""Runs a command to its end; breaking off the piece that runs it, or this process, ends the command and all that it has started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from cluster import at_work

#: Between two looks whether the piece was told to end.
LOOK_SECONDS = 0.2
#: For a command to end in order, before it is killed.
END_SECONDS = 5.0


def run(arguments: Sequence[str | Path], log: Path, *, environment: Mapping[str, str] | None = None, folder: Path | None = None) -> int:
    """The exit code. The command reads nothing, and all that it says goes to `log`."""
    work = at_work.current()
    work.pause(0)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        # A session of its own: it can be ended with all its children, and Ctrl-C reaches it through us only.
        process = subprocess.Popen(
            arguments, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return process.wait(LOOK_SECONDS)
                work.pause(0)
        finally:
            if process.returncode is None:
                _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
            return
