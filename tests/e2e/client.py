"""A client of the front Service, and its own log: every request that it sent, and what became of it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from cluster.waiting import wait_until
from stub import leash

OBJECTIVE_MILLISECONDS = 5000
"""Generous: these tests are about requests that are lost, on a machine that may be busy with others'."""


class Client:
    """An open-loop load of the runtime's own generator, as a process. Use as a context manager."""

    def __init__(self, url: str, model: str, rate: float, log: Path, seed: int = 7) -> None:
        self._command = [
            sys.executable, "-m", "steelyard_runtime.main", "load", "--url", url, "--model", model, "--rate", str(rate), "--until-signal",
            "--slo-ms", str(OBJECTIVE_MILLISECONDS), "--seed", str(seed), "--words", "20:60", "--log", str(log),
        ]  # fmt: skip
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Client:
        self._process = subprocess.Popen(self._command, start_new_session=True)
        leash.begun(self._process.pid)
        wait_until("the first request", lambda: self.sent() > 0, seconds=30)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Send no more, wait for the last answers."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        self._process.wait(45)
        leash.ended(self._process.pid)
        self._process = None

    def entries(self) -> list[dict[str, Any]]:
        """Requests that have ended."""
        lines = self.log.read_text().splitlines(keepends=True) if self.log.exists() else []
        found = [json.loads(line) for line in lines if line.endswith("\n")]
        return [entry for entry in found if "summary" not in entry]

    def sent(self) -> int:
        """How many requests have ended."""
        return len(self.entries())

    def failed(self) -> list[dict[str, Any]]:
        """Requests without a good answer, early or late."""
        return [entry for entry in self.entries() if entry["outcome"] not in {"good", "slow"}]

    def by_pod(self) -> Counter[str]:
        """Answers by the pod that gave them."""
        return Counter(entry["pod"] for entry in self.entries() if entry["status"] == 200)

    def go_on(self, seconds: float) -> None:
        """Let it send for a while."""
        time.sleep(seconds)
