"""The page of /metrics: made in a thread, and kept for a second, so that many readers cost the event loop no more than one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from steelyard.control.clock import Clock

KEPT_SECONDS = 1.0


class MetricsPage:
    """What is exposed now, in the Prometheus text format."""

    def __init__(self, written: Callable[[], bytes], clock: Clock) -> None:
        """`written`: the page as of now; called in a thread."""
        self._written = written
        self._clock = clock
        self._making: asyncio.Task[bytes] | None = None
        self._made_at = 0.0

    async def read(self) -> bytes:
        """The page, at most a second old. Who asks while it is made gets the same."""
        if self._making is None or (self._making.done() and self._clock.monotonic() - self._made_at >= KEPT_SECONDS):
            self._making = asyncio.create_task(self._make())
        # A reader that hangs up takes the page from no other.
        return await asyncio.shield(self._making)

    async def answer(self) -> web.Response:
        """The page as a response."""
        return web.Response(body=await self.read(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _make(self) -> bytes:
        try:
            return await asyncio.to_thread(self._written)
        finally:
            self._made_at = self._clock.monotonic()
