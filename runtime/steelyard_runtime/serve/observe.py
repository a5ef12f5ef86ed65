"""Port 9090: metrics and probes, from a thread of their own, so that they answer however busy the serving loop is."""

import asyncio
import threading
from typing import Protocol

from aiohttp import web

from steelyard_runtime.listening import listening
from steelyard_runtime.serve.state import Stage, State


class Exposing(Protocol):
    """What /metrics shows."""

    async def expose(self, *, ready: bool) -> bytes:
        """Return the text format. Called in the thread that answers probes and scrapes, and in no other."""


class ObserveServer:
    """Up from the first moment to the last."""

    def __init__(self, host: str, port: int, metrics: Exposing, state: State) -> None:
        self._host = host
        self._port = port
        self._metrics = metrics
        self._state = state
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._started = threading.Event()
        self._error: OSError | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="observe", daemon=True)

    def start(self) -> None:
        """Start, and return when the port is open; raises `OSError` when it cannot be."""
        self._thread.start()
        self._started.wait()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Stop."""
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        application = web.Application()
        application.router.add_get("/metrics", self._expose)
        application.router.add_get("/livez", self._live)
        application.router.add_get("/readyz", self._ready)
        application.router.add_get("/startupz", self._startup)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.SockSite(runner, listening(self._host, self._port)).start()
        except OSError as error:
            self._error = error
            return
        finally:
            self._started.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _expose(self, _request: web.Request) -> web.Response:
        body = await self._metrics.expose(ready=self._state.ready)
        return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def _live(self, _request: web.Request) -> web.Response:
        sick = self._state.sick()
        return web.Response(text="ok") if sick is None else web.Response(status=503, text=sick)

    async def _ready(self, _request: web.Request) -> web.Response:
        return self._answer(self._state.ready)

    async def _startup(self, _request: web.Request) -> web.Response:
        return self._answer(self._state.stage in (Stage.READY, Stage.DRAINING))

    def _answer(self, good: bool) -> web.Response:
        return web.Response(text="ok") if good else web.Response(status=503, text=f"{self._state.stage}: {self._state.reason}")
