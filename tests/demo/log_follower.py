"""The load generator's log, as the API server streams it: the client's own record of every request."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from demo.hands import Hands
from steelyard.cli.problem import NotThere, Problem


class LogFollower:
    """A pod's log, written to a file line by line as it comes, across broken streams, without losing or doubling a line."""

    def __init__(self, hands: Hands, namespace: str, pod: str, file: Path) -> None:
        self._hands = hands
        self._path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log?follow=true"
        self._file = file
        self._lines = 0
        self.complete = False
        self._thread = threading.Thread(target=self._follow, daemon=True, name=f"log-{pod}")

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def join(self, seconds: float) -> bool:
        """Wait for the log's end; True if the summary line was seen."""
        self._thread.join(seconds)
        return self.complete

    def _follow(self) -> None:
        with self._file.open("w", buffering=1) as out:
            while not self.complete:
                try:
                    for number, raw in enumerate(self._hands.stream(self._path)):
                        if number < self._lines:
                            continue
                        line = raw.decode(errors="replace")
                        self._lines = number + 1
                        out.write(line + "\n")
                        if '"summary"' in line:
                            self.complete = True
                    out.flush()
                except NotThere:
                    if self._lines:
                        return
                except Problem:
                    pass
                time.sleep(0.5)
