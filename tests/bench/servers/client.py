"""An open-loop client: each request is sent at its time, and its latency counts from that time, whatever became of those before it. And one
that keeps a server full."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import aiohttp
import numpy as np

from bench.servers.target import Target
from steelyard_runtime.load.schedule import Step, arrivals

PATIENCE = 10.0
"""Seconds until a request has failed."""
WARM = 0.25
"""At the beginning, not counted: this part of the time that is."""
AT_ONCE = 0.3
"""Seconds of one request alone, by any of the servers."""


@dataclass(frozen=True, slots=True)
class Promise:
    """No larger a share of requests than this takes longer."""

    seconds: float
    share: float


@dataclass(frozen=True, slots=True)
class Offered:
    """What became of one load. latencies: seconds of each request; infinite where it failed."""

    rate: float
    latencies: Sequence[float]

    def quantile(self, q: float) -> float:
        """Of all requests, failed ones too; infinite where it falls on one of these."""
        return float(np.quantile(self.latencies, q, method="higher")) if len(self.latencies) else float("inf")


def offer(target: Target, texts: Sequence[str], rate: float, seconds: float, seed: int, promise: Promise | None = None) -> Offered:
    """Send Poisson arrivals and wait for all of them; or, where a promise is given, until it is broken whatever became of the rest."""
    return asyncio.run(_offer(target, texts, Step(rate, (1 + WARM) * seconds), seed, promise))


async def _offer(target: Target, texts: Sequence[str], step: Step, seed: int, promise: Promise | None) -> Offered:
    chance = random.Random(seed)
    due = list(arrivals((step,), seed))
    bodies = [target.body(chance.choice(texts)) for _ in due]
    loop = asyncio.get_running_loop()
    counts = step.seconds * WARM / (1 + WARM)
    found = [inf] * len(due)
    late, allowed = 0, sum(moment >= counts for moment in due) * promise.share if promise else inf
    broken = asyncio.Event()

    def judge(number: int) -> None:
        nonlocal late
        late += found[number] == inf
        if late > allowed:
            broken.set()

    async with _session(target) as session:
        began = loop.time()

        async def send(number: int) -> None:
            if await _answered(session, target.url, bodies[number]):
                found[number] = loop.time() - began - due[number]

        async def send_all() -> None:
            async with asyncio.TaskGroup() as requests:
                for number, moment in enumerate(due):
                    await asyncio.sleep(max(0.0, began + moment - loop.time()))
                    requests.create_task(send(number))
                    if promise and moment >= counts:
                        loop.call_at(began + moment + promise.seconds, judge, number)

        sending, breaking = asyncio.create_task(send_all()), asyncio.create_task(broken.wait())
        await asyncio.wait((sending, breaking), return_when=asyncio.FIRST_COMPLETED)
        breaking.cancel()
        if not sending.done():
            sending.cancel()
            await asyncio.wait((sending,))
            await _settled(session, target, bodies[0])
            return Offered(step.rate, [inf])
        sending.result()
    return Offered(step.rate, [latency for latency, moment in zip(found, due, strict=True) if moment >= counts])


async def _settled(session: aiohttp.ClientSession, target: Target, body: bytes) -> None:
    """Wait until one request alone is answered at once again: few servers forget what nobody waits for any more."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + 2 * PATIENCE
    while loop.time() < deadline:
        began = loop.time()
        if await _answered(session, target.url, body) and loop.time() - began < AT_ONCE:
            return


def full_rate(target: Target, texts: Sequence[str], waiting: int, seconds: float) -> float:
    """Answers a second where so many requests always wait: what the server can do, whatever it makes anyone wait."""
    return asyncio.run(_full_rate(target, texts, waiting, seconds))


async def _full_rate(target: Target, texts: Sequence[str], waiting: int, seconds: float) -> float:
    # In an order of their own, over and over: a server is to see all of them equally often.
    bodies = itertools.cycle([target.body(text) for text in random.Random(1).sample(list(texts), len(texts))])
    loop = asyncio.get_running_loop()
    answered = 0
    async with _session(target) as session:
        begin = loop.time() + WARM * seconds
        end = begin + seconds

        async def ask() -> None:
            nonlocal answered
            while loop.time() < end:
                good = await _answered(session, target.url, next(bodies))
                answered += good and begin <= loop.time() < end

        await asyncio.gather(*(ask() for _ in range(waiting)))
    return answered / seconds


def _session(target: Target) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=0)
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=PATIENCE), headers=target.headers)


async def _answered(session: aiohttp.ClientSession, url: str, body: bytes) -> bool:
    try:
        async with session.post(url, data=body) as answer:
            await answer.read()
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False
