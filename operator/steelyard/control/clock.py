"""Time for the shell: one instant for decisions, one stopwatch for deadlines.

Decisions compare `now` with timestamps that the API server wrote, so `now` is anchored to the server's Date header once, at start,
and advanced by the stopwatch. A wall clock that is stepped later cannot move it.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

SUSPECT_AFTER = timedelta(seconds=60)
"""A disagreement above this holds cost moves (ClockSuspect)."""


class Clock(Protocol):
    """What the shell may know of time. Tests give a virtual one."""

    def now(self) -> datetime:
        """The present instant in UTC, aware."""
        ...

    def monotonic(self) -> float:
        """Seconds of a stopwatch that never goes back, and goes on while the process is stopped."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after this many seconds."""
        ...


def stopwatch() -> float:
    """Seconds since some fixed moment, counting also the time a machine was suspended where the platform can tell.

    A lease must expire for a holder that slept, whether its process was stopped (CLOCK_MONOTONIC goes on) or its whole machine
    was suspended (only CLOCK_BOOTTIME goes on).
    """
    boot_time: int | None = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_time is None else time.clock_gettime(boot_time)


def wall_clock() -> datetime:
    """What this machine believes the time to be."""
    return datetime.now(UTC)


class AnchoredClock:
    """The clock of the running operator."""

    def __init__(self, *, wall: Callable[[], datetime] = wall_clock, stopwatch: Callable[[], float] = stopwatch) -> None:
        self._wall = wall
        self._stopwatch = stopwatch
        self._instant = wall()
        self._instant_at = stopwatch()
        self._anchored = False
        self._server_ahead = timedelta(0)

    @property
    def anchored(self) -> bool:
        """Whether a server's Date has been seen."""
        return self._anchored

    def anchor(self, date: datetime, sent: float, received: float) -> None:
        """Take note of a Date header and of the stopwatch before and after the request that brought it.

        The first one sets `now`; later ones only update `disagreement`, because `now` never jumps. The header is cut to whole
        seconds, hence half a second more; the server wrote it somewhere between the two stopwatch readings.
        """
        instant = date + timedelta(milliseconds=500)
        middle = (sent + received) / 2
        if not self._anchored:
            self._instant, self._instant_at, self._anchored = instant, middle, True
        self._server_ahead = instant - self._at(middle)

    def now(self) -> datetime:
        """The present instant in UTC: the anchor plus the time that has passed since."""
        return self._at(self._stopwatch())

    def monotonic(self) -> float:
        """The stopwatch."""
        return self._stopwatch()

    async def sleep(self, seconds: float) -> None:
        """Return after this many seconds."""
        await asyncio.sleep(seconds)

    def disagreement(self) -> timedelta:
        """The larger of: `now` against the wall clock, `now` against the latest Date header. Never negative."""
        return max(abs(self._wall() - self.now()), abs(self._server_ahead))

    def suspect(self) -> bool:
        """Whether the disagreement is too large to trust differences of timestamps (ClockSuspect)."""
        return self.disagreement() > SUSPECT_AFTER

    def _at(self, reading: float) -> datetime:
        return self._instant + timedelta(seconds=reading - self._instant_at)
