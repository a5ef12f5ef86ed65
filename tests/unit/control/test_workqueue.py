import asyncio
import itertools

import pytest

from steelyard.control.kube.backoff import Backoff
from steelyard.control.kube.errors import TooManyRequests
from steelyard.control.kube.fence import LeadershipLost
from steelyard.control.reconcile.workqueue import Priority, QueueClosed, WorkQueue
from unit.control.virtual_time import VirtualClock, run


def test_urgent_keys_overtake_and_routine_ones_do_not_starve():
    async def scenario():
        clock = VirtualClock()
        queue = WorkQueue(clock)
        queue.add("routine", Priority.ROUTINE)
        queue.add("change")
        queue.add("safety", Priority.SAFETY)
        assert [await queue.take() for _ in range(3)] == ["safety", "change", "routine"]
        for key in ("safety", "change", "routine"):
            queue.done(key)
        queue.add("routine", Priority.ROUTINE)
        await asyncio.sleep(14)
        queue.add("change")
        assert await queue.take() == "routine"

    run(scenario())


def test_a_more_urgent_wish_moves_a_waiting_key_forward():
    async def scenario():
        queue = WorkQueue(VirtualClock())
        queue.add("a", Priority.ROUTINE)
        queue.add("b", Priority.CHANGE)
        queue.add("a", Priority.SAFETY)
        assert [await queue.take(), await queue.take()] == ["a", "b"]
        assert len(queue) == 0

    run(scenario())


def test_of_several_alarms_the_earliest_counts_and_processing_clears_it():
    async def scenario():
        clock = VirtualClock()
        queue = WorkQueue(clock)
        queue.add_after("a", 60)
        queue.add_after("a", 10)
        queue.add_after("a", 30)
        assert await queue.take() == "a"
        assert clock.monotonic() == pytest.approx(10)
        queue.done("a")
        assert queue.delayed == 0
        queue.add_after("a", 60)
        queue.add("a")
        await queue.take()
        assert queue.delayed == 0

    run(scenario())


def test_failures_are_retried_later_each_time_and_not_before_the_server_allows():
    async def scenario():
        clock, times = VirtualClock(), []
        queue = WorkQueue(clock, backoff=Backoff(base=0.5, cap=100, spread=0))

        async def process(_):
            times.append(clock.monotonic())
            if len(times) == 3:
                raise TooManyRequests("later", retry_after=4.0)
            if len(times) < 5:
                raise RuntimeError("on purpose")

        running = asyncio.create_task(queue.run(process, workers=1))
        queue.add("a")
        await asyncio.sleep(200)
        first, second, asked, last = (b - a for a, b in itertools.pairwise(times))
        assert (first, second, last) == pytest.approx((0.5, 1, 4))
        assert 4 <= asked <= 5, "without the server's wish it had been two seconds"
        queue.close()
        await running

    run(scenario())


def test_a_fatal_exception_ends_all_workers():
    async def scenario():
        queue, finished = WorkQueue(VirtualClock()), []

        async def process(key):
            if key == "lost":
                raise LeadershipLost("gone")
            await asyncio.sleep(100)
            finished.append(key)

        queue.add("busy")
        queue.add("lost")
        with pytest.raises(LeadershipLost):
            await queue.run(process, workers=2, fatal=(LeadershipLost,))
        assert finished == []

    run(scenario())


def test_closing_lets_the_keys_in_work_finish_but_not_for_ever():
    async def scenario(seconds):
        clock = VirtualClock()
        queue, finished = WorkQueue(clock), []

        async def process(key):
            await asyncio.sleep(seconds)
            finished.append(key)

        queue.add("a")
        running = asyncio.create_task(queue.run(process, workers=1, grace=20))
        await asyncio.sleep(1)
        queue.add("b")
        queue.close()
        await running
        with pytest.raises(QueueClosed):
            await queue.take()
        return finished, clock.monotonic()

    assert run(scenario(10)) == (["a"], pytest.approx(10))
    assert run(scenario(1000)) == ([], pytest.approx(21))


def test_a_wake_up_is_not_lost_with_the_worker_that_was_cancelled():
    async def scenario():
        queue = WorkQueue(VirtualClock())
        first, second = asyncio.create_task(queue.take()), asyncio.create_task(queue.take())
        await asyncio.sleep(1)
        queue.add("a")  # wakes the first
        first.cancel()
        assert await asyncio.wait_for(second, 5) == "a"

    run(scenario())
