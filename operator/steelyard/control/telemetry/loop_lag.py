"""How late the event loop is: everything of this process, the Lease's renewal included, waits as long as that."""

from __future__ import annotations

from collections.abc import Callable

from steelyard.control.clock import Clock

EVERY_SECONDS = 0.1


async def loop_lag(clock: Clock, told: Callable[[float], None]) -> None:
    """For ever: tell how many seconds later than asked for this coroutine goes on."""
    while True:
        asked = clock.monotonic()
        await clock.sleep(EVERY_SECONDS)
        told(max(0.0, clock.monotonic() - asked - EVERY_SECONDS))
