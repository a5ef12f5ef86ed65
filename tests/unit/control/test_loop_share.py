"""The workers leave the loop to others between two long pieces of work, and do short ones together."""

import asyncio

import pytest

from steelyard.control.reconcile.loop_share import TURN_SECONDS
from steelyard.control.reconcile.workqueue import WorkQueue
from unit.control.virtual_time import ManualClock


@pytest.mark.parametrize(("seconds", "in_one_turn"), [(2 * TURN_SECONDS, 1), (TURN_SECONDS / 4, 4)], ids=["long", "short"])
async def test_eight_workers_take_their_share_of_each_turn_of_the_loop(seconds: float, in_one_turn: int) -> None:
    clock, turns, done = ManualClock(), 0, list[int]()

    async def beside() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def process(_: int) -> None:
        clock.seconds += seconds
        done.append(turns)

    queue: WorkQueue[int] = WorkQueue(clock)  # type: ignore[arg-type]
    for key in range(64):
        queue.add(key)
    other, working = asyncio.create_task(beside()), asyncio.create_task(queue.run(process, workers=8))
    while len(done) < 64:
        await asyncio.sleep(0)
    other.cancel()
    working.cancel()
    await asyncio.gather(other, working, return_exceptions=True)
    assert max(done.count(turn) for turn in done) == in_one_turn
