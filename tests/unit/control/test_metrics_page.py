"""/metrics is made beside the loop, and once for all who ask together."""

import asyncio
import threading
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from patience import until
from steelyard.control.telemetry.metrics_page import KEPT_SECONDS, MetricsPage
from unit.control.virtual_time import ManualClock


class Slow(Collector):
    """Takes until it is told to go on, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.on = threading.Event()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        self.asked += 1
        self.on.wait()
        yield GaugeMetricFamily("asked", "How often.", value=self.asked)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        yield GaugeMetricFamily("asked", "How often.")


async def test_ten_readers_at_once_get_one_page_and_the_loop_goes_on_meanwhile() -> None:
    slow, registry, clock = Slow(), CollectorRegistry(), ManualClock()
    registry.register(slow)
    page = MetricsPage(registry, clock)
    readers = [asyncio.create_task(page.read()) for _ in range(10)]
    await until(lambda: slow.asked)
    readers[0].cancel()
    slow.on.set()
    pages = await asyncio.gather(*readers[1:])
    assert slow.asked == 1
    assert set(pages) == {b"# HELP asked How often.\n# TYPE asked gauge\nasked 1.0\n"}
    assert await page.read() == pages[0], "it is young"
    clock.seconds += KEPT_SECONDS
    assert b"asked 2.0" in await page.read()


async def test_a_page_that_failed_is_made_again() -> None:
    class Broken(Slow):
        def collect(self) -> Iterator[GaugeMetricFamily]:
            self.asked += 1
            if self.asked == 1:
                raise RuntimeError("broken")
            yield GaugeMetricFamily("asked", "How often.", value=self.asked)

    registry, clock = CollectorRegistry(), ManualClock()
    registry.register(Broken())
    page = MetricsPage(registry, clock)
    try:
        await page.read()
    except RuntimeError:
        clock.seconds += KEPT_SECONDS
    assert b"asked 2.0" in await page.read()
