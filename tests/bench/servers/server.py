"""A server as a process: on one core of the machine, the client keeps the others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np

from bench.servers.target import Target
from patience import PATIENCE

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
CORE = 0


@dataclass
class Server:
    """How a server is started and asked. `batching`: how it makes batches of requests. `example`: an input that it answers. `least`: numbers of an
    answer; one without them is none."""

    name: str
    batching: str
    command: tuple[str, ...]
    target: Target
    example: str
    least: int
    environment: Mapping[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None
    _log: Path = Path("/dev/null")

    def start(self, folder: Path) -> Self:
        """Start it, wait until it answers, and let it sleep."""
        self._log = folder / f"{self.name}-{self.batching.replace(' ', '-')}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ("taskset", "--cpu-list", str(CORE), *self.command),
                env={**os.environ, "PYTHONPATH": f"{HERE}:{ROOT / 'runtime'}", "OMP_NUM_THREADS": "1", **self.environment},
                stdout=log,
                stderr=log,
                cwd=HERE,
                start_new_session=True,
            )
        deadline = time.monotonic() + PATIENCE
        while _length(self.answer(self.example)) < self.least:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} does not answer: {self._log.read_text(errors='replace')[-1500:]}")
            time.sleep(0.1)
        self._signal(signal.SIGSTOP)
        return self

    def answer(self, text: str) -> object:
        """What it answers to one request, from JSON, or the numbers of one tensor that comes behind JSON; None where it does not answer."""
        request = urllib.request.Request(self.target.url, data=self.target.body(text), headers=dict(self.target.headers))
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                data, head = answer.read(), answer.headers.get("inference-header-content-length")
                return json.loads(data) if head is None else np.frombuffer(data[int(head) :], np.float32).tolist()
        except (urllib.error.URLError, ConnectionError, TimeoutError, ValueError):
            return None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """It runs inside of the block only: idle servers look for work all the time, some take a tenth of a core for it."""
        self._signal(signal.SIGCONT)
        try:
            yield
        finally:
            self._signal(signal.SIGSTOP)

    def _signal(self, number: signal.Signals) -> None:
        """To all of its processes: BentoML's workers are no members of its group."""
        assert self._process is not None
        for process in descent(self._process.pid):
            with suppress(ProcessLookupError):
                os.kill(process, number)

    def stop(self) -> None:
        """End it and whatever it started."""
        if self._process is not None:
            every = descent(self._process.pid)
            self._signal(signal.SIGCONT)
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(15)
            for process in every:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            self._process.wait()
            self._process = None


def descent(root: int) -> list[int]:
    """A process and all that come from it, while they have not lost their parents."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(folder.name))
    found = [root]
    for process in found:
        found += children.get(process, [])
    return found


def _length(found: object) -> int:
    """Of the longest list in an answer."""
    if isinstance(found, dict):
        return max((_length(value) for value in found.values()), default=0)
    if isinstance(found, list):
        return max((len(found), *(_length(value) for value in found)))
    return 0
