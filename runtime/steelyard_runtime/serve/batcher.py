"""Dynamic batching: inputs wait while every worker is busy, or at most for the given delay, and run with others near their length."""

import asyncio
import math
import time
from bisect import bisect_left, insort
from collections.abc import Callable, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from steelyard_runtime.compile.backend import Engine
from steelyard_runtime.serve.batch import Alike, Shapes
from steelyard_runtime.serve.metrics import Metrics
from steelyard_runtime.serve.state import State
from steelyard_runtime.tokens import bucket_of

Answer = NDArray[np.float32]
TRIED_ALONE = 2
"""Rows of a failed batch; when none of so many can be computed alone either, it may be the engine: a row that it has computed before tells. A broken
one gets no more work than that."""


class Full(Exception):  # noqa: N818  an answer, not an error
    """The inputs cannot be taken now; `retry_after` in whole seconds."""

    def __init__(self, retry_after: int, why: str = "the queue is full") -> None:
        super().__init__(f"{why}; try again in {retry_after} s")
        self.retry_after = retry_after


class UnsoundError(Exception):
    """The engine answered, and the answer is none."""


class Ways(Protocol):
    """Of rows into the graph, and of their answers out of it: those of a task's head."""

    def feed(self, rows: Sequence[Any], length: int, batch: int) -> tuple[NDArray[Any], ...]:
        """Return the arrays of the graph's inputs."""

    def read(self, found: Answer, rows: Sequence[Any]) -> list[Answer]:
        """Return an answer for each row; raises `ValueError`."""


def _finite(_row: Any, answer: Answer) -> bool:
    return bool(np.isfinite(answer).all())


@dataclass(frozen=True, slots=True)
class Batching:
    """Shapes and limits."""

    lengths: tuple[int, ...]
    batch_sizes: tuple[int, ...]
    max_batch: int
    max_delay: float
    queue_limit: int
    workers: int
    alike: bool = False
    """Whether only rows of one length run together, as nothing may be padded: it stands for their shape."""


@dataclass(slots=True, order=True)
class _Waiting:
    """Ordered by length, then by arrival."""

    length: int
    number: int
    row: Sized = field(compare=False)
    admitted: float = field(compare=False)
    queued: float = field(compare=False)
    answer: asyncio.Future[Answer] = field(compare=False)

    def fail(self, error: Exception) -> None:
        """Answer with an error, if anybody still waits."""
        if not self.answer.done():
            self.answer.set_exception(error)
            self.answer.exception()  # retrieved: nobody may be waiting any more


class Batcher:
    """Belongs to one event loop. Each worker takes a batch, runs it in its thread (the engine lets go of the GIL), and takes the next."""

    def __init__(
        self, engine: Engine, ways: Ways, batching: Batching, metrics: Metrics, state: State, sound: Callable[[Any, Any], bool] = _finite
    ) -> None:
        """`sound`: whether an answer to a row may be one."""
        self._engine = engine
        self._sound = sound
        self._ways = ways
        self._batching = batching
        self._metrics = metrics
        self._state = state
        self._largest = min(batching.max_batch, batching.batch_sizes[-1])
        self._shapes: Shapes | Alike = (
            Alike(batching.batch_sizes, engine.fixed_batch)
            if batching.alike
            else Shapes(batching.lengths, batching.batch_sizes, engine.fixed_lengths, engine.fixed_batch)
        )
        kinds = batching.batch_sizes if engine.fixed_batch else [2**power for power in range(self._largest.bit_length())]
        self._sizes = (*(size for size in kinds if size < self._largest), self._largest)
        """The most inputs of each kind of run that is counted, rising: of the compiled sizes, or of powers of two where any size may run."""
        metrics.batches(self._sizes, batching.workers)
        self._by_length: list[_Waiting] = []
        self._by_arrival: dict[int, _Waiting] = {}
        """The same, oldest first: a dict keeps the order in which its keys came."""
        self._arrived = 0
        self._admitted = 0
        self._wake = asyncio.Event()
        self._threads = ThreadPoolExecutor(batching.workers, thread_name_prefix="infer")
        self._seconds_an_input = 0.0
        self._computed: Sized | None = None
        """The row that was answered last."""
        self._workers = [asyncio.create_task(self._work(index), name=f"batcher-{index}") for index in range(batching.workers)]

    def admit(self, inputs: int) -> float:
        """Take places in the queue while one is free, or raise `Full`. Of a request's inputs there may be more than places, so that as many wait as
        there are places and one request takes, at most: else small requests would leave a large one no chance."""
        if self._admitted >= self._batching.queue_limit:
            raise Full(min(60, max(1, math.ceil(self._admitted * self._seconds_an_input / self._batching.workers))))
        self._admitted += inputs
        return time.monotonic()

    def withdraw(self, inputs: int) -> None:
        """Give places back that were admitted and will not be queued."""
        self._admitted -= inputs

    def submit(self, row: Sized, admitted: float) -> asyncio.Future[Answer]:
        """Queue one admitted row; its length is in tokens. Cancel the answer to give the place back."""
        if len(row) > self._batching.lengths[-1]:
            raise ValueError(f"{len(row)} tokens are more than the longest compiled sequence, {self._batching.lengths[-1]}")
        self._arrived += 1
        waiting = _Waiting(len(row), self._arrived, row, admitted, time.monotonic(), asyncio.get_running_loop().create_future())
        waiting.answer.add_done_callback(lambda _: self._forget(waiting))
        insort(self._by_length, waiting)
        self._by_arrival[waiting.number] = waiting
        self._wake.set()
        return waiting.answer

    async def close(self) -> None:
        """Stop the workers."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _work(self, worker: int) -> None:
        while True:
            batch = await self._next()
            began = time.monotonic()
            await self._answer(worker, batch)
            took = (time.monotonic() - began) / len(batch)
            self._seconds_an_input = took if not self._seconds_an_input else 0.9 * self._seconds_an_input + 0.1 * took

    async def _answer(self, worker: int, batch: list[_Waiting]) -> None:
        """Answer each row of a batch. If the batch fails each runs alone, so that one that the engine cannot take fails no other; but when those
        that are tried first all fail, and so does one that did not before, it is the engine, and the rest fails unheard."""
        failure = await self._run(worker, batch)
        if failure is None:
            return
        if len(batch) == 1:
            batch[0].fail(failure)
            return
        tried = failed = 0
        for at, waiting in enumerate(batch):
            if waiting.answer.done():
                continue
            if tried == failed == TRIED_ALONE and not await self._works(worker):
                for unheard in batch[at:]:
                    unheard.fail(failure)
                return
            tried += 1
            alone = await self._run(worker, [waiting])
            if alone is not None:
                failed += 1
                waiting.fail(alone)

    async def _works(self, worker: int) -> bool:
        """Whether the engine still computes what it computed last; not, where it has computed nothing yet."""
        if self._computed is None:
            return False
        now, answer = time.monotonic(), asyncio.get_running_loop().create_future()
        return await self._run(worker, [_Waiting(len(self._computed), 0, self._computed, now, now, answer)]) is None

    async def _run(self, worker: int, batch: list[_Waiting]) -> Exception | None:
        """Run the engine once and answer the rows; return what it failed with, and then none is answered."""
        self._metrics.batch_size.observe(len(batch))
        computed = self._shapes.rows(len(batch))
        self._metrics.padding.inc(self._shapes.padding([waiting.length for waiting in batch], computed))
        began = time.monotonic()
        self._state.batches[worker] = began
        try:
            rows = [waiting.row for waiting in batch]
            found = await asyncio.get_running_loop().run_in_executor(self._threads, self._infer, rows)
        except Exception as error:  # these requests may fail; the next batch may not
            return error
        finally:
            del self._state.batches[worker]
            self._metrics.ran(bucket_of(len(batch), self._sizes), computed, time.monotonic() - began)
        for waiting, answer in zip(batch, found, strict=True):
            if answer is None:
                waiting.fail(UnsoundError("the engine's answer has a value that is not a finite number"))
                continue
            self._computed = waiting.row
            if not waiting.answer.done():
                waiting.answer.set_result(answer)
        return None

    async def _next(self) -> list[_Waiting]:
        while True:
            self._wake.clear()
            if not self._by_arrival:
                await self._wake.wait()
                continue
            oldest = next(iter(self._by_arrival.values()))
            due = oldest.queued + self._batching.max_delay - time.monotonic()
            if due <= 0 or len(self._by_arrival) >= self._largest:
                return self._take(oldest)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), due)

    def _forget(self, waiting: _Waiting) -> None:
        """Take a row out of the queue whose answer nobody waits for any more; one that has been taken has left it already."""
        if self._by_arrival.pop(waiting.number, None) is not None:
            del self._by_length[bisect_left(self._by_length, waiting)]
            self._admitted -= 1

    def _take(self, oldest: _Waiting) -> list[_Waiting]:
        lengths = [waiting.length for waiting in self._by_length]
        these = self._shapes.chosen(lengths, bisect_left(self._by_length, oldest), self._largest)
        batch = self._by_length[these]
        del self._by_length[these]
        now = time.monotonic()
        self._admitted -= len(batch)
        for waiting in batch:
            del self._by_arrival[waiting.number]
            self._metrics.queue_seconds.observe(now - waiting.admitted)
        return batch

    def _infer(self, rows: list[Sized]) -> list[Answer | None]:
        """Return the answers; None for one that is none."""
        arrays = self._ways.feed(rows, self._shapes.length(max(map(len, rows))), self._shapes.rows(len(rows)))
        found = self._engine.run(*arrays)
        try:
            answers = self._ways.read(found, rows)
        except ValueError as error:
            raise UnsoundError(str(error)) from error
        return [answer if self._sound(row, answer) else None for row, answer in zip(rows, answers, strict=True)]
