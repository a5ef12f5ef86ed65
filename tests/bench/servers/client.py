"""An open-loop client: each request is sent at its time, and its latency counts from that time, whatever became of those before it. And one
that keeps a server full."""

from __future__ import annotations

import asyncio
import itertools
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
    async with _session() as session:
        began = loop.time()

        async def send(number: int) -> None:
            if await _answered(session, url, bodies[number]):
                found[number] = loop.time() - began - due[number]

        waiting = []
        for number, moment in enumerate(due):
            ahead = began + moment - loop.time()
            await asyncio.sleep(max(0.0, ahead))
            waiting.append(asyncio.create_task(send(number)))
        await asyncio.gather(*waiting)
    return Offered(rate, [latency for latency, moment in zip(found, due, strict=True) if moment >= WARM_SECONDS])


def full_rate(url: str, body: Callable[[str], bytes], texts: Sequence[str], waiting: int, seconds: float) -> float:
    """Answers a second where so many requests always wait: what the server can do, whatever it makes anyone wait."""
    return asyncio.run(_full_rate(url, body, texts, waiting, seconds))


async def _full_rate(url: str, body: Callable[[str], bytes], texts: Sequence[str], waiting: int, seconds: float) -> float:
    # In an order of their own, over and over: a server is to see all of them equally often.
    bodies = itertools.cycle([body(text) for text in random.Random(1).sample(list(texts), len(texts))])
    loop = asyncio.get_running_loop()
    answered = 0
    async with _session() as session:
        begin = loop.time() + WARM_SECONDS
        end = begin + seconds

        async def ask() -> None:
            nonlocal answered
            while loop.time() < end:
                good = await _answered(session, url, next(bodies))
                answered += good and begin <= loop.time() < end

        await asyncio.gather(*(ask() for _ in range(waiting)))
    return answered / seconds


def _session() -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=0)
    headers = {"content-type": "application/json"}
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=PATIENCE), headers=headers)


async def _answered(session: aiohttp.ClientSession, url: str, body: bytes) -> bool:
    try:
        async with session.post(url, data=body) as answer:
            await answer.read()
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False
