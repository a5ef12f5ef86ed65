import asyncio
import threading

from patience import PATIENCE, until
from steelyard.control.leadership.own_loop import OwnLoop, handed_over


async def test_what_runs_apart_goes_on_while_the_other_loop_does_not_turn():
    apart, turned = OwnLoop("apart"), threading.Event()

    async def turn() -> str:
        for _ in range(10):
            await asyncio.sleep(0.001)
        turned.set()
        return threading.current_thread().name

    running = asyncio.create_task(apart.run(turn()))
    await asyncio.sleep(0)
    assert turned.wait(PATIENCE)
    assert await running == "apart"
    await apart.close()


async def test_what_is_handed_over_is_called_in_the_loop_that_asked_for_it():
    apart, heard = OwnLoop("apart"), []
    tell = handed_over(lambda word: heard.append((word, threading.current_thread())))

    async def say() -> None:
        tell("elected")

    await apart.run(say())
    await until(lambda: heard)
    assert heard == [("elected", threading.current_thread())]
    await apart.close()


def test_what_is_handed_over_to_a_loop_that_has_ended_is_heard_by_nobody():
    async def asked() -> object:
        return handed_over(lambda: 1 / 0)

    asyncio.run(asked())()


async def test_what_still_runs_apart_is_cancelled_at_the_end_and_its_caller_is_told():
    apart, begun = OwnLoop("apart"), threading.Event()

    async def forever() -> None:
        begun.set()
        await asyncio.sleep(PATIENCE)

    running = asyncio.create_task(apart.run(forever()))
    await until(begun.is_set)
    await apart.close()
    assert (await asyncio.gather(running, return_exceptions=True))[0].__class__ is asyncio.CancelledError
