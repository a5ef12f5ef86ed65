"""Operators as processes of their own that begin at once: forked from one process that has imported everything.

A fault test starts an operator dozens of times, and most of what a start costs is imports. What runs is the same program with the same
arguments; its pid, signals, log and exit code are its own.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path

_LOCK = threading.Lock()
"""Starting one looks after all others; two threads that ask for one exit code at a time would both read it."""


@cache
def _nursery() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    # A child imports the main module of its parent: ours is pytest's.
    context.set_forkserver_preload(["steelyard.app.main", "pytest"])
    return context


def _live(arguments: Sequence[str], environment: Mapping[str, str], log: str) -> None:
    os.setsid()
    with Path(log).open("ab") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    os.environ.clear()
    os.environ.update(environment)
    from steelyard.app.main import main

    sys.exit(main(list(arguments)))


class Child:
    """What `subprocess.Popen` shows of a process."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._process = _nursery().Process(target=_live, args=(list(arguments), dict(environment), str(log)), daemon=True)
        self.returncode: int | None = None
        with _LOCK:
            self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        with _LOCK:
            if self.returncode is None:
                self.returncode = self._process.exitcode
            return self.returncode

    def wait(self, timeout: float) -> int:
        """The exit code. Raises subprocess.TimeoutExpired."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("steelyard-operator", timeout)
            time.sleep(0.02)
        return code

    def send_signal(self, number: int) -> None:
        """To a process that has ended: nothing."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)
