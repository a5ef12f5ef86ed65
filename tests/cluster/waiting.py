"""Bounded waits. A wait that ends badly says what it waited for and shows the log that knows why."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from cluster.errors import ClusterError

T = TypeVar("T")

#: Enough to hold the reason, short enough to be read.
TAIL_LINES = 15


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log, under its path."""
    try:
        text = log.read_text(errors="replace").splitlines()[-lines:]
    except OSError:
        return f"{log}: not there"
    return "\n".join([f"{log}:", *(f"  {line[:400]}" for line in text)])


def wait_until(
    what: str,
    ready: Callable[[], T | None],
    *,
    seconds: float,
    logs: Iterable[Path] = (),
    check: Callable[[], None] | None = None,
    every: float = 0.05,
) -> T:
    """Ask `ready` until it answers something true, and return that.

    `check` runs between two questions and raises when waiting on makes no sense, for example because the process has ended.
    An OSError of `ready` means "not yet"; the last one is told when the time is over.
    """
    deadline = time.monotonic() + seconds
    last: OSError | None = None
    while True:
        try:
            if answer := ready():
                return answer
        except OSError as error:
            last = error
        if check is not None:
            check()
        if time.monotonic() > deadline:
            reason = f" ({last})" if last else ""
            raise ClusterError("\n".join([f"waited {seconds:.0f} s for {what}{reason}", *(tail(log) for log in logs)]))
        time.sleep(every)


def has_ended(pid: str) -> bool:
    """Whether the process is gone, or a zombie that nobody has waited for yet."""
    status = Path("/proc", pid, "status")
    return not status.exists() or "\nState:\tZ" in status.read_text()
