"""An open-loop client: each request is sent at its time, and its latency counts from that time, whatever became of those before it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import aiohttp
import numpy as np

from steelyard_runtime.load.schedule import Step, arrivals

PATIENCE = 10.0
"""Seconds until a request has failed."""
WARM_SECONDS = 1.0
"""At the beginning, not counted."""


@dataclass(frozen=True, slots=True)
class Offered:
    """What became of one load. latencies: seconds of each request; infinite where it failed."""

    rate: float
    latencies: Sequence[float]

    def quantile(self, q: float) -> float:
        """Of all requests, failed ones too; infinite where it falls on one of these."""
        return float(np.quantile(self.latencies, q, method="higher")) if len(self.latencies) else float("inf")


def offer(url: str, body: Callable[[str], bytes], texts: Sequence[str], rate: float, seconds: float, seed: int) -> Offered:
    """Send Poisson arrivals and wait for all of them."""
    return asyncio.run(_offer(url, body, texts, rate, seconds, seed))


async def _offer(url: str, body: Callable[[str], bytes], texts: Sequence[str], rate: float, seconds: float, seed: int) -> Offered:
    chance = random.Random(seed)
    due = list(arrivals((Step(rate, WARM_SECONDS + seconds),), seed))
    bodies = [body(chance.choice(texts)) for _ in due]
    loop = asyncio.get_running_loop()
    found = [float("inf")] * len(due)
    connector = aiohttp.TCPConnector(limit=0)
    headers = {"content-type": "application/json"}
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=PATIENCE)) as session:
        began = loop.time()

        async def send(number: int) -> None:
            try:
                async with session.post(url, data=bodies[number], headers=headers) as answer:
                    await answer.read()
                    if answer.status == 200:
                        found[number] = loop.time() - began - due[number]
            except (aiohttp.ClientError, TimeoutError, OSError):
                return

        waiting = []
        for number, moment in enumerate(due):
            ahead = began + moment - loop.time()
            await asyncio.sleep(max(0.0, ahead))
            waiting.append(asyncio.create_task(send(number)))
        await asyncio.gather(*waiting)
    return Offered(rate, [latency for latency, moment in zip(found, due, strict=True) if moment >= WARM_SECONDS])
