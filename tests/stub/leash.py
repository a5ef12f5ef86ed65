"""Processes that a test started end with it, in whatever way it ends: a watcher waits for the end of its input and kills what is left."""

from __future__ import annotations

import subprocess
import sys
import threading
from functools import cache

_WATCHER = """
import os, signal, sys
alive = set()
signal.signal(signal.SIGINT, signal.SIG_IGN)
for line in sys.stdin:
    word, pid = line.split()
    (alive.add if word == "begun" else alive.discard)(int(pid))
for pid in alive:
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass
"""

_one_at_a_time = threading.Lock()
"""Two watchers would be one too many: the second kills what it knows when it is forgotten."""


@cache
def _watcher() -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", _WATCHER], stdin=subprocess.PIPE, text=True, start_new_session=True)


def begun(pid: int) -> None:
    """This process must not outlive us."""
    _say(f"begun {pid}\n")


def ended(pid: int) -> None:
    """It has ended; its number may be somebody else's soon."""
    _say(f"ended {pid}\n")


def _say(line: str) -> None:
    with _one_at_a_time:
        stream = _watcher().stdin
        assert stream is not None
        stream.write(line)
        stream.flush()
