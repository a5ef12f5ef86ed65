"""/metrics is made beside the loop, and once for all who ask together."""

import asyncio
import threading

from patience import until
from steelyard.control.telemetry.metrics_page import KEPT_SECONDS, MetricsPage
from unit.control.virtual_time import ManualClock


class Slow:
    """Takes until it is told to go on, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.on = threading.Event()

    def __call__(self) -> bytes:
        self.asked += 1
        self.on.wait()
        return b"asked %d\n" % self.asked


async def test_ten_readers_at_once_get_one_page_and_the_loop_goes_on_meanwhile() -> None:
    slow, clock = Slow(), ManualClock()
    page = MetricsPage(slow, clock)
    readers = [asyncio.create_task(page.read()) for _ in range(10)]
    await until(lambda: slow.asked)
    readers[0].cancel()
    slow.on.set()
    pages = await asyncio.gather(*readers[1:])
    assert slow.asked == 1
    assert set(pages) == {b"asked 1\n"}
    assert await page.read() == pages[0], "it is young"
    clock.seconds += KEPT_SECONDS
    assert b"asked 2" in await page.read()


async def test_a_page_that_failed_is_made_again() -> None:
    class Broken(Slow):
        def __call__(self) -> bytes:
            self.asked += 1
            if self.asked == 1:
                raise RuntimeError("broken")
            return b"asked %d\n" % self.asked

    clock = ManualClock()
    page = MetricsPage(Broken(), clock)
    try:
        await page.read()
    except RuntimeError:
        clock.seconds += KEPT_SECONDS
    assert b"asked 2" in await page.read()
