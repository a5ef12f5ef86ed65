import asyncio

import pytest

from steelyard.control.throttle import Throttle
from unit.control.virtual_time import VirtualClock, run


def test_a_burst_passes_at_once_and_the_rest_at_the_rate():
    async def scenario():
        clock = VirtualClock()
        throttle = Throttle(clock, rate=10, burst=5)
        passed = []

        async def one():
            await throttle.take()
            passed.append(clock.monotonic())

        await asyncio.gather(*(one() for _ in range(25)))
        assert passed[4] == 0 and passed[-1] == pytest.approx(2.0)

    run(scenario())


def test_silence_holds_everybody():
    async def scenario():
        clock = VirtualClock()
        throttle = Throttle(clock, rate=10, burst=5)
        throttle.silence(7)
        throttle.silence(3)
        await throttle.take()
        assert clock.monotonic() == pytest.approx(7)

    run(scenario())


def test_impossible_limits_are_refused():
    with pytest.raises(ValueError, match="rate"):
        Throttle(VirtualClock(), rate=0, burst=1)
