"""Dynamic batching: inputs wait in a queue for each bucket, at most for the given delay, and run with others of their length."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steelyard_runtime.compile.backend import Engine
from steelyard_runtime.serve.metrics import Metrics
from steelyard_runtime.serve.state import State
from steelyard_runtime.tokens import bucket_of, padded

Embedding = NDArray[np.float32]


class Full(Exception):  # noqa: N818  an answer, not an error
    """The queue cannot take the inputs; `retry_after` in whole seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"the queue is full; try again in {retry_after} s")
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Batching:
    """Shapes and limits."""

    lengths: tuple[int, ...]
    batch_sizes: tuple[int, ...]
    max_batch: int
    max_delay: float
    queue_limit: int
    workers: int


@dataclass(slots=True)
class _Waiting:
    row: Sequence[int]
    admitted: float
    queued: float
    answer: asyncio.Future[Embedding]


class Batcher:
    """Belongs to one event loop. Each worker takes a batch, runs it in its thread (the engine lets go of the GIL), and takes the next."""

    def __init__(self, engine: Engine, batching: Batching, metrics: Metrics, state: State) -> None:
        self._engine = engine
        self._batching = batching
        self._metrics = metrics
        self._state = state
        self._largest = min(batching.max_batch, batching.batch_sizes[-1])
        self._queues: dict[int, deque[_Waiting]] = {length: deque() for length in batching.lengths}
        self._admitted = 0
        self._wake = asyncio.Event()
        self._threads = ThreadPoolExecutor(batching.workers, thread_name_prefix="infer")
        self._seconds_an_input = 0.0
        self._workers = [asyncio.create_task(self._work(index), name=f"batcher-{index}") for index in range(batching.workers)]

    def admit(self, inputs: int) -> float:
        """Take places in the queue, or raise `Full`. A request larger than the queue is taken when the queue is empty."""
        if self._admitted and self._admitted + inputs > self._batching.queue_limit:
            raise Full(min(60, max(1, math.ceil(self._admitted * self._seconds_an_input / self._batching.workers))))
        self._admitted += inputs
        return time.monotonic()

    def withdraw(self, inputs: int) -> None:
        """Give places back that were admitted and will not be queued."""
        self._admitted -= inputs

    def submit(self, row: Sequence[int], admitted: float) -> asyncio.Future[Embedding]:
        """Queue one admitted row of token ids; the answer is its embedding."""
        waiting = _Waiting(row, admitted, time.monotonic(), asyncio.get_running_loop().create_future())
        self._queues[bucket_of(len(row), self._batching.lengths)].append(waiting)
        self._wake.set()
        return waiting.answer

    async def close(self) -> None:
        """Stop the workers."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _work(self, worker: int) -> None:
        loop = asyncio.get_running_loop()
        while True:
            length, batch = await self._next()
            began = time.monotonic()
            self._state.batches[worker] = began
            try:
                found = await loop.run_in_executor(self._threads, self._infer, length, [waiting.row for waiting in batch])
            except Exception as error:  # each of these requests fails; the next batch may not
                for waiting in batch:
                    if not waiting.answer.done():
                        waiting.answer.set_exception(error)
                        waiting.answer.exception()  # retrieved: nobody may be waiting any more
            else:
                for waiting, embedding in zip(batch, found, strict=False):
                    if not waiting.answer.done():
                        waiting.answer.set_result(embedding)
            finally:
                del self._state.batches[worker]
            self._metrics.busy.inc(time.monotonic() - began)
            took = (time.monotonic() - began) / len(batch)
            self._seconds_an_input = took if not self._seconds_an_input else 0.9 * self._seconds_an_input + 0.1 * took

    async def _next(self) -> tuple[int, list[_Waiting]]:
        while True:
            self._wake.clear()
            oldest = (
                min((queue[0].queued, length) for length, queue in self._queues.items() if queue) if any(self._queues.values()) else None
            )
            if oldest is None:
                await self._wake.wait()
                continue
            queued, length = oldest
            due = queued + self._batching.max_delay - time.monotonic()
            if due > 0:
                full = next((each for each, queue in self._queues.items() if len(queue) >= self._largest), None)
                if full is None:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._wake.wait(), due)
                    continue
                length = full
            return length, self._take(length)

    def _take(self, length: int) -> list[_Waiting]:
        queue = self._queues[length]
        batch = [queue.popleft() for _ in range(min(len(queue), self._largest))]
        now = time.monotonic()
        self._admitted -= len(batch)
        self._metrics.batch_size.observe(len(batch))
        self._metrics.padding.inc(length * self._rows(len(batch)) - sum(len(waiting.row) for waiting in batch))
        for waiting in batch:
            self._metrics.queue_seconds.observe(now - waiting.admitted)
        return batch

    def _rows(self, count: int) -> int:
        return bucket_of(count, self._batching.batch_sizes) if self._engine.fixed_batch else count

    def _infer(self, length: int, rows: list[Sequence[int]]) -> Embedding:
        ids, mask = padded(rows, length, self._rows(len(rows)))
        return self._engine.run(ids, mask)
