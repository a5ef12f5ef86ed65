"""How much of one turn of the event loop the workers may take together.

A turn ends when everybody who is ready has gone on once: probes, watches and the pages of pods. Eight workers that each decide in one turn
make it eight decisions long, and whoever takes several turns, like the page of a pod, waits for all of them. In a large fleet it is decisions
that have to wait, and not reads: a decision that is late is late once, and readings that are late are stale for all.
"""

from __future__ import annotations

import asyncio

from steelyard.control.clock import Clock

TURN_SECONDS = 0.01


class LoopShare:
    """One for all workers."""

    def __init__(self, clock: Clock, seconds: float = TURN_SECONDS) -> None:
        self._clock = clock
        self._seconds = seconds
        self._began: float | None = None

    async def mine(self) -> None:
        """Returns in a turn that has not gone on for so long yet: at once, or in a later one."""
        while self._began is not None and self._clock.monotonic() - self._began >= self._seconds:  # noqa: ASYNC110 - for the next turn
            await asyncio.sleep(0)
        if self._began is None:
            self._began = self._clock.monotonic()
            asyncio.get_running_loop().call_soon(self._ended)

    def _ended(self) -> None:
        """Called in the next turn."""
        self._began = None
