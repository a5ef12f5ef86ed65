"""When a probe begins to measure: at a moment that it is told over HTTP, so that probes of several pools measure over the same minutes. There it
tells what it found so far, and is told when that is enough."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from aiohttp import web

from steelyard_runtime.listening import EVERYWHERE, listening

LOG = logging.getLogger("steelyard.probe")
EARLIEST, LATEST = 1e9, 1e11
"""Unix seconds that can be meant: a number of milliseconds or of days is a mistake."""
LOOKS_EVERY = 0.1
"""Seconds between two looks at the clock: meanwhile somebody may tell the moment, or set the clock."""


@dataclass(frozen=True, slots=True)
class Begin:
    """What a probe is told of it: it listens on `port` of an address of the machine, and waits until `by` at most, in Unix seconds."""

    by: float
    port: int
    host: str = EVERYWHERE


class State(StrEnum):
    """What a probe does, in order."""

    STARTING = "Starting"
    WAITING = "Waiting"
    MEASURING = "Measuring"


@dataclass
class Beginning:
    """The moment at which a probe begins, in Unix seconds: the first that somebody tells, and none after the latest."""

    asked: Begin
    moment: float | None = None
    """None until it is told one, or begins untold."""
    state: State = State.STARTING
    enough: asyncio.Event = field(default_factory=asyncio.Event)
    """Somebody says that what was found so far answers all that was asked."""

    def hear(self, word: str, now: float) -> bool:
        """Take a moment that somebody tells, if it is the first; a past one is now. False where it is no moment."""
        try:
            told = float(word)
        except ValueError:
            return False
        if not EARLIEST <= told <= LATEST:
            return False
        if self.moment is None:
            self.moment = min(max(told, now), self.asked.by)
        return True

    async def come(self) -> None:
        """Wait for the moment."""
        self.state = State.WAITING
        while (left := self._at - time.time()) > 0:  # noqa: ASYNC110  the clock may be set meanwhile
            await asyncio.sleep(min(left, LOOKS_EVERY))
        self.moment, self.state = self._at, State.MEASURING

    def report(self, found: Mapping[str, object]) -> dict[str, object]:
        """Return the document that /progress serves. `ready`: nothing but the moment is waited for, or it has come; found: what was measured so
        far."""
        return {"state": str(self.state), "begin": self.moment, "ready": self.state is not State.STARTING, **found}

    @property
    def _at(self) -> float:
        return self.asked.by if self.moment is None else self.moment


@asynccontextmanager
async def served(beginning: Beginning, found: Callable[[], Mapping[str, object]]) -> AsyncIterator[None]:
    """Serve /progress meanwhile, with what was found so far. Where the port cannot be opened, the probe goes on untold."""

    async def progress(request: web.Request) -> web.Response:
        word = request.query.get("begin")
        if word is not None and not beginning.hear(word, time.time()):
            raise web.HTTPBadRequest(text=f"begin must be Unix seconds from {EARLIEST:.0f} to {LATEST:.0f}")
        if "enough" in request.query:
            beginning.enough.set()
        return web.json_response(beginning.report(found()))

    application = web.Application()
    # Who asks for the head alone tells nothing.
    application.router.add_get("/progress", progress, allow_head=False)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        try:
            await web.SockSite(runner, listening(beginning.asked.host, beginning.asked.port)).start()
        except OSError as error:
            LOG.warning("progress is not served on port %d: %s; the probe begins at the latest moment", beginning.asked.port, error)
        yield
    finally:
        await runner.cleanup()
