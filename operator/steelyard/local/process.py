"""One process of the runtime on this machine: what a container is in a pod."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steelyard.local.child import ALL
from steelyard.render.manifest import Manifest

GRACE = 2.0
"""Seconds that a process has to end by itself once it is told to."""
LAST = 300
"""Characters of a log, that are told of a process that failed: its end."""
WORD = "STEELYARD_TERMINATION_LOG"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where processes run: a folder of their own, which goes with them, and the processors that each may use; None: all."""

    folder: Path
    processors: tuple[int, ...] | None = None


class Process:
    """`steelyard-runtime WORD...` with its log and its last word in files."""

    def __init__(self, name: str, words: Sequence[str], environment: Mapping[str, str], ground: Ground) -> None:
        self._log, self._word = ground.folder / f"{name}.log", ground.folder / f"{name}.word"
        processors = ALL if ground.processors is None else ",".join(map(str, ground.processors))
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("STEELYARD_")}
        with self._log.open("w") as log:
            self._running = subprocess.Popen(
                [sys.executable, "-m", "steelyard.local.child", str(os.getpid()), processors, "--console", *words],
                env={**inherited, "TMPDIR": str(ground.folder), "TOKENIZERS_PARALLELISM": "false", **environment, WORD: str(self._word)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is for the command alone, which ends this one and what it started.
                start_new_session=True,
            )

    @property
    def code(self) -> int | None:
        """The exit code; None while it runs."""
        return self._running.poll()

    @property
    def word(self) -> str:
        """The last word, as a pod's status has it; empty where it said none."""
        try:
            return self._word.read_text()
        except OSError:
            return ""

    @property
    def why(self) -> str:
        """How it ended that was not to end: by its last word, else by the end of its log."""
        with suppress(ValueError, AttributeError):
            if said := json.loads(self.word).get("message"):
                return str(said)
        text = ""
        with suppress(OSError):  # Somebody removes temporary files.
            text = self._log.read_text(errors="replace")
        lines = " | ".join(line.strip() for line in text.splitlines() if line.strip())
        cut = f"...{lines[-LAST:]}" if len(lines) > LAST else lines
        return f"exit code {self.code}: {cut}" if lines else f"exit code {self.code}, without a line in its log"

    def end(self) -> None:
        """With everything that it started."""
        self.tell(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._running.wait(GRACE)
        self.tell(signal.SIGKILL)
        self._running.wait()

    def tell(self, number: signal.Signals) -> None:
        """A signal to all of them."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._running.pid, number)


def end_all(processes: Sequence[Process]) -> None:
    """At once: none waits for the grace of another."""
    for each in processes:
        each.tell(signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline and any(each.code is None for each in processes):
        time.sleep(0.02)
    for each in processes:
        each.tell(signal.SIGKILL)
    for each in processes:
        each.end()


def variables(container: Manifest) -> dict[str, str]:
    """Those of a rendered container that have a value of their own, and not one of the cluster's."""
    return {each["name"]: each["value"] for each in container["env"] if "value" in each}


def changed(environment: Mapping[str, str], variable: str, **changes: Any) -> dict[str, str]:
    """With other fields in the JSON of a variable."""
    return {**environment, variable: json.dumps({**json.loads(environment[variable]), **changes})}
