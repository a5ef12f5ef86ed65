"""How far a compile is, for the operator to scrape: GET /progress and /livez."""

import asyncio
import logging
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from aiohttp import web

from steelyard_runtime.listening import EVERYWHERE, listening
from steelyard_runtime.logs import LogTail

LOG = logging.getLogger("steelyard.compile")


class Phase(StrEnum):
    """The steps of a compile, in order."""

    FETCHING = "Fetching"
    VERIFYING = "Verifying"
    TRACING = "Tracing"
    COMPILING = "Compiling"
    CHECKING = "Checking"
    PUBLISHING = "Publishing"


STARTS_AT = {Phase.FETCHING: 0, Phase.VERIFYING: 15, Phase.TRACING: 25, Phase.COMPILING: 40, Phase.CHECKING: 80, Phase.PUBLISHING: 95}
"""Percent at the start of each phase, by what they took for a small encoder."""


@dataclass
class Progress:
    """Written by the job, read by the server's thread; each field is replaced whole."""

    tail: LogTail
    phase: Phase = Phase.FETCHING
    done: float = 0.0
    """Part of the phase, 0 to 1; 0 where a phase does not know."""
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def enter(self, phase: Phase) -> None:
        """Go to a phase."""
        self.done = 0.0
        self.phase = phase

    def note(self, line: str, done: float | None = None) -> None:
        """Log how the phase goes on."""
        LOG.info("%s", line)
        self.done = self.done if done is None else done

    def arrived(self, bytes_here: int, bytes_in_all: int) -> None:
        """How much of what is fetched is here."""
        self.done = bytes_here / bytes_in_all if bytes_in_all else 0.0

    @property
    def percent(self) -> int:
        """Of the whole job."""
        ends = min((start for start in STARTS_AT.values() if start > STARTS_AT[self.phase]), default=100)
        return STARTS_AT[self.phase] + int(self.done * (ends - STARTS_AT[self.phase]))

    def report(self) -> dict[str, object]:
        """Return the document that /progress serves. No compiler here says how long it will take: an ETA is whoever's who knows other jobs."""
        return {
            "phase": str(self.phase),
            "percent": self.percent,
            "etaSeconds": None,
            "lastLogLine": self.tail.last(),
            "startedAt": self.started_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        }


class ProgressServer:
    """A small server in a thread of its own: a compiler holds the main thread for minutes."""

    def __init__(self, progress: Progress, port: int, host: str = EVERYWHERE) -> None:
        self._progress = progress
        self._host, self._port = host, port
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="progress", daemon=True)
        self.bound_port = port

    def start(self) -> None:
        """Start, and return when the port is open (or could not be: a compile goes on without an audience)."""
        self._thread.start()
        self._ready.wait(10)

    def stop(self) -> None:
        """Stop."""
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        application = web.Application()
        application.router.add_get("/progress", self._report)
        application.router.add_get("/livez", self._live)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        try:
            await web.SockSite(runner, listening(self._host, self._port)).start()
            self.bound_port = runner.addresses[0][1]
            self._ready.set()
            await self._stop.wait()
        except OSError as error:
            LOG.warning("progress is not served on port %d: %s; the compile goes on", self._port, error)
        finally:
            self._ready.set()
            await runner.cleanup()

    async def _report(self, _request: web.Request) -> web.Response:
        return web.json_response(self._progress.report())

    async def _live(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok")
