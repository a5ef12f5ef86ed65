"""A real browser without a window, by its own protocol over two pipes: https://chromedevtools.github.io/devtools-protocol/."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cluster import packages

FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",  # Root has none, and these pages are our own.
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "about:blank",
)
PATIENCE = 60.0
"""Seconds for one answer: far more than it ever takes, so that a browser that hangs fails the test."""
MISSING = (
    "no Chromium is on PATH, and the page is tested in a real browser: install one (Debian: apt-get install chromium; `make test` does), or leave "
    "these tests out with -m 'not browser'"
)


def program() -> str:
    """Where it is; an AssertionError that says what to do where it is not."""
    found = packages.found("chromium")
    assert found is not None, MISSING
    return found


@contextlib.contextmanager
def chromium() -> Iterator[Chromium]:
    """One with a profile of its own, which ends with the block."""
    to_read, write = os.pipe()
    read, to_write = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        # It reads from 3 and writes to 4.
        command = ("bash", "-c", f'exec "$0" "$@" 3<&{to_read} 4>&{to_write}', program(), f"--user-data-dir={profile}", *FLAGS)
        with subprocess.Popen(command, pass_fds=(to_read, to_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            os.close(to_read)
            os.close(to_write)
            try:
                yield Chromium(read, write)
            finally:
                os.close(write)
                os.close(read)
                process.terminate()


class Chromium:
    """Calls go out one by one; events that come meanwhile are kept."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write, self._numbers, self._rest = read, write, itertools.count(1), b""
        self.events: list[dict[str, Any]] = []

    def page(self) -> Tab:
        """A new one."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        return Tab(self, target, self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])

    def call(self, method: str, session: str = "", **given: Any) -> Any:
        """The result of a command."""
        number = next(self._numbers)
        sent = {"id": number, "method": method, "params": given, **({"sessionId": session} if session else {})}
        os.write(self._write, json.dumps(sent).encode() + b"\0")
        while (told := self._next()).get("id") != number:
            self.events.append(told)
        assert "error" not in told, f"{method}: {told['error']}"
        return told["result"]

    def event(self, method: str, session: str) -> dict[str, Any]:
        """The next one of that kind, which may have come already."""
        while True:
            for told in self.events:
                if (told.get("method"), told.get("sessionId")) == (method, session):
                    self.events.remove(told)
                    return told
            self.events.append(self._next())

    def _next(self) -> dict[str, Any]:
        until = time.monotonic() + PATIENCE
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], max(0.0, until - time.monotonic()))
            assert ready, f"the browser has said nothing for {PATIENCE:g} s"
            more = os.read(self._read, 1 << 20)
            assert more, f"the browser has ended: does `{program()} --headless --no-sandbox --dump-dom about:blank` work?"
            self._rest += more
        first, _, self._rest = self._rest.partition(b"\0")
        told: dict[str, Any] = json.loads(first)
        return told


class Tab:
    """One page of it."""

    def __init__(self, browser: Chromium, target: str, session: str) -> None:
        self._browser, self._target, self._session = browser, target, session

    def call(self, method: str, **given: Any) -> Any:
        """A command to this page."""
        return self._browser.call(method, self._session, **given)

    def open(self, file: Path) -> list[str]:
        """Show it; the addresses of everything that was asked for meanwhile."""
        for domain in ("Page", "Network", "Runtime", "Accessibility", "Log"):
            self.call(f"{domain}.enable")
        self.call("Page.navigate", url=file.as_uri())
        self._browser.event("Page.loadEventFired", self._session)
        self.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        asked = [each["params"]["request"] for each in self._browser.events if self._is(each, "Network.requestWillBeSent")]
        return [str(each["url"]) for each in asked]

    def look(self, *, scheme: str = "light", medium: str = "screen", width: int = 1280, scrollbars: bool = True) -> None:
        """As a reader with this screen, or this paper, has it."""
        self.call("Emulation.setScrollbarsHidden", hidden=not scrollbars)
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", media=medium, features=[{"name": "prefers-color-scheme", "value": scheme}])

    def evaluate(self, expression: str) -> Any:
        """What an expression gives, here and now: the page itself has no script."""
        told = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def complaints(self) -> list[str]:
        """What the browser has written down as wrong since the page was opened."""
        told = [each["params"]["entry"] for each in self._browser.events if self._is(each, "Log.entryAdded")]
        return [str(each["text"]) for each in told]

    def _is(self, event: dict[str, Any], method: str) -> bool:
        return (event.get("sessionId"), event.get("method")) == (self._session, method)

    def close(self) -> None:
        """No more of it."""
        self._browser.call("Target.closeTarget", targetId=self._target)

    def read_aloud(self) -> list[tuple[str, str]]:
        """(role, name) of everything that a screen reader comes to, in its order."""
        nodes = {each["nodeId"]: each for each in self.call("Accessibility.getFullAXTree")["nodes"]}
        root = next(each for each in nodes.values() if "parentId" not in each)

        def under(node: dict[str, Any]) -> Iterator[tuple[str, str]]:
            if not node.get("ignored"):
                yield node["role"]["value"], (node.get("name") or {}).get("value", "")
            for child in node.get("childIds", ()):
                yield from under(nodes[child]) if child in nodes else ()

        return list(under(root))

    def picture(self) -> bytes:
        """The whole of it, as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"])

    def paper(self) -> bytes:
        """As PDF, on A4."""
        self.call("Emulation.clearDeviceMetricsOverride")
        self.call("Emulation.setEmulatedMedia", media="", features=[])
        told = self.call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, printBackground=False)
        return base64.b64decode(told["data"])
