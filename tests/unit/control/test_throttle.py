import asyncio
import random

import pytest

from steelyard.control.kube.retry_after import MOST_SECONDS, SPREAD
from steelyard.control.kube.throttle import Throttle
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


def test_silence_holds_everybody_for_as_long_as_the_server_asked_and_a_little_more():
    async def scenario():
        clock = VirtualClock()
        throttle = Throttle(clock, rate=10, burst=5)
        throttle.silence(3)
        throttle.silence(1)
        await throttle.take()
        assert 3 <= clock.monotonic() <= 3 * (1 + SPREAD)

    run(scenario())


def test_no_silence_is_longer_than_five_seconds_and_none_ends_at_the_same_moment_as_another():
    async def silent(seed):
        clock = VirtualClock()
        throttle = Throttle(clock, rate=10, burst=5, chance=random.Random(seed))
        throttle.silence(32)
        await throttle.take()
        return clock.monotonic()

    waited = [run(silent(seed)) for seed in range(20)]
    assert all(MOST_SECONDS / (1 + SPREAD) <= each <= MOST_SECONDS for each in waited)
    assert len(set(waited)) == 20


def test_impossible_limits_are_refused():
    with pytest.raises(ValueError, match="rate"):
        Throttle(VirtualClock(), rate=0, burst=1)
