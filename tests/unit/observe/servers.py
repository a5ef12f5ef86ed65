"""Model servers on loopback whose behaviour a test scripts."""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from unit.observe.test_exposition import exposition

BOMB = zlib.compress(b"#" * 50_000_000)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ModelServer:
    """Counts like ours. `behaviour` is replaced by a test to misbehave; None behaves."""

    def __init__(self) -> None:
        self.good = self.slow = self.error = self.shed = 0
        self.clock: float | None = None
        self.behaviour: Handler | None = None
        self.scrapes = 0
        self.port = 0

    def text(self) -> str:
        clock = time.time() if self.clock is None else self.clock
        return exposition(self.good, self.slow, self.error, self.shed, clock)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.scrapes += 1
        if self.behaviour is not None:
            return await self.behaviour(request)
        return web.Response(text=self.text(), content_type="text/plain")


@asynccontextmanager
async def served(server: ModelServer, port: int = 0) -> AsyncIterator[ModelServer]:
    application = web.Application()
    application.router.add_get("/metrics", server.handle)
    application.router.add_get("/elsewhere", server.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        await runner.cleanup()


async def stalls(_: web.Request) -> web.StreamResponse:
    """Never answers."""
    await asyncio.Event().wait()
    raise AssertionError("nothing sets it")


async def trickles(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    await response.prepare(request)
    while True:
        await response.write(b"#\n")
        await asyncio.sleep(0.02)


async def floods(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    await response.prepare(request)
    while True:
        await response.write(b"# nothing\n" * 10000)


async def bombs(_: web.Request) -> web.StreamResponse:
    return web.Response(body=BOMB, headers={"Content-Type": "text/plain", "Content-Encoding": "deflate"})


def says(text: str = "", status: int = 200, content_type: str = "text/plain", **headers: str) -> Handler:
    async def handle(_: web.Request) -> web.StreamResponse:
        return web.Response(text=text, status=status, content_type=content_type, headers=headers)

    return handle
