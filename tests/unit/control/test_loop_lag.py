"""The lag of the loop is what it sleeps longer than asked."""

import asyncio

import pytest

from steelyard.control.telemetry.loop_lag import EVERY_SECONDS, loop_lag
from unit.control.virtual_time import ManualClock


async def test_what_keeps_the_loop_busy_is_told() -> None:
    class Busy(ManualClock):
        async def sleep(self, seconds: float) -> None:
            self.seconds += seconds + (0.3 if len(told) == 1 else 0.0)
            await asyncio.sleep(0)

    told: list[float] = []
    clock = Busy()
    measuring = asyncio.create_task(loop_lag(clock, told.append))
    while len(told) < 3:
        await asyncio.sleep(0)
    measuring.cancel()
    assert EVERY_SECONDS < 0.25, "a lag of that much is seen"
    assert told[:3] == [pytest.approx(0.0), pytest.approx(0.3), pytest.approx(0.0)]
