"""The text of /metrics. In a large fleet it is megabytes and takes seconds: it is made beside the loop, and once for all who ask together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, generate_latest

YOUNG_SECONDS = 1.0
"""A page is read again without being made again."""


class MetricsPage:
    """Whoever asks while a page is being made gets that one."""

    def __init__(self, registry: CollectorRegistry, *, now: Callable[[], float] = time.monotonic) -> None:
        self._registry = registry
        self._now = now
        self._making: asyncio.Future[bytes] | None = None
        self._made_at = 0.0

    async def read(self) -> bytes:
        """The page, at most a second old."""
        if self._making is None or (self._making.done() and self._now() - self._made_at >= YOUNG_SECONDS):
            self._making = asyncio.ensure_future(self._make())
        # Who goes away does not take the page from the others.
        return await asyncio.shield(self._making)

    async def _make(self) -> bytes:
        try:
            return await asyncio.to_thread(generate_latest, self._registry)
        finally:
            self._made_at = self._now()
