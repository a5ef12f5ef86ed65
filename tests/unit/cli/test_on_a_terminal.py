"""The command itself on a terminal of its own: what it draws, what it does when the screen changes, the server is away, or the user has enough."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cluster.waiting import wait_until
from patience import PATIENCE
from unit.cli.fake_api import FakeApi, fake_api
from unit.cli.situations import balanced, exploring

WORKLOADS = "/apis/steelyard.dev/v1alpha1/namespaces/shop/inferenceworkloads"
EVENTS = "/api/v1/namespaces/shop/events"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
HOME, OPENED, CLOSED = "\x1b[H", "\x1b[?1049h", "\x1b[?1049l"


class Terminal:
    """A command on a pseudo terminal, and all that it wrote there."""

    def __init__(self, process: subprocess.Popen[bytes], end: int) -> None:
        self.process, self._end, self.written = process, end, ""

    def read(self) -> str:
        """What was written until now."""
        while select.select([self._end], [], [], 0)[0]:
            try:
                found = os.read(self._end, 65536)
            except OSError:  # The command has ended.
                break
            if not found:
                break
            self.written += found.decode(errors="replace")
        return self.written

    def frame(self) -> list[str]:
        """The last screen, without colours; empty before the first one."""
        _, _, last = COLOUR.sub("", self.read()).rpartition(HOME)
        return [line.rstrip() for line in last.replace("\r", "").partition("\x1b")[0].split("\n")]

    def until(self, what: str, true: Callable[[list[str]], Any]) -> list[str]:
        """The first frame of which it is true."""

        def found() -> list[str] | None:
            frame = self.frame()
            return frame if true(frame) else None

        return wait_until(what, found, seconds=PATIENCE, check=self._goes_on)

    def resize(self, columns: int, lines: int) -> None:
        """As a window manager does."""
        fcntl.ioctl(self._end, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        os.write(self._end, keys)

    def ends(self) -> int:
        """The exit code."""

        def over() -> bool:
            self.read()
            return self.process.poll() is not None

        wait_until("the command to end", over, seconds=PATIENCE)
        self.read()
        return int(self.process.returncode)

    def _goes_on(self) -> None:
        assert self.process.poll() is None, self.read()


@contextmanager
def terminal(config: str, *words: str, term: str = "xterm", **environment: str) -> Iterator[Terminal]:
    """The command in a session of its own, whose terminal has 100 columns and 40 lines."""
    own, its = pty.openpty()
    fcntl.ioctl(own, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    around = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "LINES", "NO_COLOR"}} | {"TERM": term, **environment}

    def take() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # What runs in the background is often told to ignore it.
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    command = [sys.executable, "-m", "steelyard.cli", *words, "--kubeconfig", config, "--interval", "0.5"]
    process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=around, preexec_fn=take)  # noqa: PLW1509 - one thread.
    os.close(its)
    try:
        yield Terminal(process, own)
    finally:
        process.kill()
        process.wait()
        os.close(own)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[tuple[FakeApi, str]]:
    with fake_api(tmp_path) as (server, config):
        shown(server, exploring())
        yield server, config


def shown(server: FakeApi, seen: Any) -> None:
    """The cluster has this workload now."""
    server.put("inferenceworkloads", seen.workloads[0])
    for pool in seen.pools:
        server.put("acceleratorpools", pool)


def has(text: str) -> Callable[[list[str]], bool]:
    return lambda frame: any(text in line for line in frame)


def test_a_move_changes_in_place_and_ctrl_c_gives_the_terminal_back(api: tuple[FakeApi, str]) -> None:
    server, config = api
    server.objects[f"{EVENTS}/one"] = {
        "metadata": {"name": "one", "namespace": "shop"},
        "lastTimestamp": "2026-03-01T11:59:00Z",
        "type": "Normal",
        "reason": "StepStarted",
        "message": "told by an event",
    }
    with terminal(config, "explain", "minilm", "-w") as it:
        frame = it.until("the first frame", has("[x] Surge  [>] Shift  [ ] Bake  [ ] Drain"))
        assert has("cpu-amx (to)")(frame) and has("told by an event")(frame)
        raw = exploring().workloads[0]
        raw["status"]["move"]["step"] = "Bake"
        server.put("inferenceworkloads", raw)
        it.until("the next step", has("[x] Surge  [x] Shift  [>] Bake  [ ] Drain"))
        it.type(b"\x03")
        assert it.ends() == 0
        assert it.written.count(OPENED) == it.written.count(CLOSED) == 1
        assert it.written.rpartition("\x1b[?25")[2].startswith("h"), "the cursor is shown again"
        assert "Traceback" not in it.written


def test_a_screen_of_another_size_is_filled_and_nothing_is_wider_or_higher(api: tuple[FakeApi, str]) -> None:
    with terminal(api[1], "explain", "minilm", "-w") as it:
        it.until("the first frame", has("[>] Shift"))
        for columns, lines in ((60, 12), (140, 50), (80, 24)):
            it.resize(columns, lines)

            def fits(frame: list[str], columns: int = columns, lines: int = lines) -> bool:
                return len(frame) == lines and max(map(len, frame)) <= columns and "steelyard explain" in frame[0]

            it.until(f"a frame of {columns} by {lines}", fits)


def test_a_server_that_is_away_is_told_and_its_return_is_seen(api: tuple[FakeApi, str]) -> None:
    server, config = api
    with terminal(config, "top") as it:
        it.until("the first frame", has("[>] Shift"))
        server.refused["GET", WORKLOADS] = (503, {"message": "the server is busy"})
        frame = it.until("the failure", has("the figures are as of"))
        assert has("[>] Shift")(frame), "the last picture is kept"
        shown(server, balanced())
        del server.refused["GET", WORKLOADS]
        it.until(
            "the return", lambda frame: not has("the figures are as of")(frame) and not has("[>] Shift")(frame) and has("minilm")(frame)
        )


def test_who_may_not_read_events_sees_all_else(api: tuple[FakeApi, str]) -> None:
    server, config = api
    server.refused["GET", EVENTS] = (403, {"message": "events is forbidden"})
    with terminal(config, "explain", "minilm", "-w") as it:
        it.resize(160, 90)
        it.until("the first frame", lambda frame: has("[>] Shift")(frame) and has("its events are not shown: ")(frame))


def test_a_terminated_command_gives_the_terminal_back_too(api: tuple[FakeApi, str]) -> None:
    with terminal(api[1], "top") as it:
        it.until("the first frame", has("[>] Shift"))
        it.process.send_signal(signal.SIGTERM)
        it.ends()
        assert it.written.count(OPENED) == it.written.count(CLOSED) == 1


@pytest.mark.parametrize(("term", "environment"), [("xterm", {"NO_COLOR": "1"}), ("dumb", {})])
def test_without_colour_the_same_is_said(api: tuple[FakeApi, str], term: str, environment: dict[str, str]) -> None:
    with terminal(api[1], "explain", "minilm", "-w", term=term, **environment) as it:
        wait_until("a step", lambda: "Shift" in it.read(), seconds=PATIENCE)
        assert not COLOUR.search(it.read().replace("\x1b[0m", ""))
        assert (OPENED in it.written) == (term == "xterm")
