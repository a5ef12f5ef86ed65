"""The work queue: which key is processed next, never twice at once, never lost.

The rules of client-go's queue, with two of our own. A key's place is its *latest start*: `Priority` says how many seconds of lateness
are fine, so that urgent keys overtake and nobody starves. And a key waits for one alarm at most, the earliest: starting to process it
clears the alarm, because a level-triggered reconcile sees everything and says itself when to look again.

Promise, property-tested: after `add(key)` a processing of the key starts, and after `add_after(key, s)` one starts within `s` seconds
plus the time workers are busy; each starts after the call.
"""

import asyncio
import contextlib
import heapq
import random
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, Protocol, TypeVar

from steelyard.control.clock import Clock
from steelyard.control.kube.backoff import Backoff
from steelyard.control.kube.errors import ApiError
from steelyard.control.kube.retry_after import heeded
from steelyard.control.log import get_logger
from steelyard.control.reconcile.loop_share import LoopShare

K = TypeVar("K", bound=Hashable)
_log = get_logger(__name__)


class Priority(IntEnum):
    """The value is the lateness, in seconds, that does no harm."""

    SAFETY = 0
    """Capacity below need, a rollback."""
    CHANGE = 2
    """Somebody changed something."""
    ROUTINE = 15
    """A periodic look."""


class QueueClosed(Exception):  # noqa: N818 - a signal, not an error
    """No more keys will be handed out."""


class QueueObserver(Protocol):
    """Told how the queue does."""

    def key_waited(self, seconds: float) -> None:
        """A key was handed out this long after it was added."""
        ...

    def key_processed(self, seconds: float, failed: bool) -> None:
        """Processing a key took this long."""
        ...


@dataclass(slots=True)
class _Place:
    latest_start: float
    added_at: float
    ticket: int


class WorkQueue(Generic[K]):
    """Keys to process. All methods but `take` and `run` are synchronous and never block."""

    def __init__(
        self, clock: Clock, *, backoff: Backoff | None = None, chance: random.Random | None = None, observer: QueueObserver | None = None
    ) -> None:
        self._clock = clock
        self._backoff = backoff or Backoff()
        self._chance = chance or random.Random()
        self._observer = observer
        self._ready: dict[K, _Place] = {}
        self._order: list[tuple[float, int, K]] = []  # may hold places that were given up; the ticket tells
        self._alarms: dict[K, tuple[float, int, Priority]] = {}
        self._alarm_order: list[tuple[float, int, K]] = []
        self._processing: set[K] = set()
        self._dirty: dict[K, Priority] = {}
        self._failures: dict[K, int] = {}
        self._idle: deque[asyncio.Future[None]] = deque()
        self._tickets = 0
        self._closed = False
        self._closing = asyncio.Event()
        self._share = LoopShare(clock)

    # --- asking for work ----------------------------------------------------------------------------------------------------------

    def add(self, key: K, priority: Priority = Priority.CHANGE) -> None:
        """Process this key soon. Collapses with a wait that is already there; the more urgent priority wins."""
        if self._closed:
            return
        if key in self._processing:
            known = self._dirty.get(key, priority)
            self._dirty[key] = min(known, priority)
            return
        now = self._clock.monotonic()
        place = self._ready.get(key)
        if place is not None and place.latest_start <= now + priority:
            return
        ticket = self._ticket()
        self._ready[key] = _Place(now + priority, place.added_at if place else now, ticket)
        heapq.heappush(self._order, (now + priority, ticket, key))
        self._wake()

    def add_after(self, key: K, seconds: float, priority: Priority = Priority.ROUTINE) -> None:
        """Process this key in that many seconds, or earlier. Of several such wishes the earliest counts."""
        if self._closed:
            return
        if seconds <= 0:
            self.add(key, priority)
            return
        due = self._clock.monotonic() + seconds
        known = self._alarms.get(key)
        if known is not None and known[0] <= due:
            return
        ticket = self._ticket()
        self._alarms[key] = (due, ticket, priority)
        heapq.heappush(self._alarm_order, (due, ticket, key))
        self._wake()  # a worker may be asleep until a later alarm

    def retry(self, key: K, *, at_least: float = 0.0) -> float:
        """Process this key again after a failure, later each time; `at_least` is the server's Retry-After. Returns the delay."""
        failures = self._failures.get(key, 0) + 1
        self._failures[key] = failures
        delay = max(at_least, self._backoff.delay(failures, self._chance))
        self.add_after(key, delay)
        return delay

    def forget(self, key: K) -> None:
        """The key was processed well: its next failure is the first one."""
        self._failures.pop(key, None)

    # --- doing work ---------------------------------------------------------------------------------------------------------------

    async def take(self) -> K:
        """The next key, to be given back with `done`. Raises QueueClosed."""
        while True:
            if self._closed:
                raise QueueClosed
            now = self._clock.monotonic()
            self._ring(now)
            key = self._pop(now)
            if key is not None:
                return key
            await self._doze(now)

    def done(self, key: K) -> None:
        """The processing of this key ended. If it was added meanwhile, it takes its place again."""
        self._processing.discard(key)
        priority = self._dirty.pop(key, None)
        if priority is not None:
            self.add(key, priority)

    async def run(
        self,
        process: Callable[[K], Awaitable[float | None]],
        *,
        workers: int = 8,
        fatal: tuple[type[BaseException], ...] = (),
        grace: float = 20.0,
    ) -> None:
        """Process keys with this many workers until `close`, then return when the last is done (or `grace` seconds have passed).

        `process` returns the seconds after which to look again, None for "only when something changes". What it raises is retried
        with back-off, except `fatal` exceptions: the other workers are cancelled and the exception is raised here.
        """
        tasks = [asyncio.create_task(self._work(process, fatal), name=f"worker-{number}") for number in range(workers)]
        closing = asyncio.create_task(self._until_closed(grace), name="workers-closing")
        try:
            waiting: set[asyncio.Task[None]] = {*tasks, closing}
            while any(not task.done() for task in tasks):
                ended, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    if task is not closing:
                        task.result()
                if closing in ended:
                    return
        finally:
            for task in (*tasks, closing):
                task.cancel()
            await asyncio.gather(*tasks, closing, return_exceptions=True)

    def close(self) -> None:
        """Hand out no more keys. What is being processed goes on."""
        self._closed = True
        self._closing.set()
        while self._idle:
            self._wake()

    # --- looking ------------------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Keys that wait to be processed now."""
        return len(self._ready)

    @property
    def processing(self) -> frozenset[K]:
        """Keys that are being processed."""
        return frozenset(self._processing)

    @property
    def delayed(self) -> int:
        """Keys with an alarm."""
        return len(self._alarms)

    def oldest_wait(self) -> float:
        """Seconds for which the longest waiting key waits; 0 when none does."""
        now = self._clock.monotonic()
        return max((now - place.added_at for place in self._ready.values()), default=0.0)

    # --- inside -------------------------------------------------------------------------------------------------------------------

    async def _work(self, process: Callable[[K], Awaitable[float | None]], fatal: tuple[type[BaseException], ...]) -> None:
        while True:
            try:
                key = await self.take()
            except QueueClosed:
                return
            started = self._clock.monotonic()
            failed = True
            try:
                await self._share.mine()
                again = await process(key)
                failed = False
                self.forget(key)
                if again is not None:
                    self.add_after(key, again)
            except fatal:
                raise
            except Exception as error:
                delay = self.retry(key, at_least=heeded(float(getattr(error, "retry_after", 0.0)), self._chance))
                # An API error says all in its message; anything else is a mistake of ours, and its place matters.
                trace = None if isinstance(error, ApiError) else error
                _log.warning("processing failed", key=str(key), error=repr(error), retry_in_seconds=round(delay, 1), exc_info=trace)
            finally:
                self.done(key)
                if self._observer is not None:
                    self._observer.key_processed(self._clock.monotonic() - started, failed)

    async def _until_closed(self, grace: float) -> None:
        await self._closing.wait()
        await self._clock.sleep(grace)

    def _ticket(self) -> int:
        self._tickets += 1
        return self._tickets

    def _ring(self, now: float) -> None:
        """Move keys whose alarm is due to the ready ones."""
        while self._alarm_order and self._alarm_order[0][0] <= now:
            _, ticket, key = heapq.heappop(self._alarm_order)
            alarm = self._alarms.get(key)
            if alarm is not None and alarm[1] == ticket:
                del self._alarms[key]
                self.add(key, alarm[2])

    def _pop(self, now: float) -> K | None:
        while self._order:
            _, ticket, key = heapq.heappop(self._order)
            place = self._ready.get(key)
            if place is None or place.ticket != ticket:
                continue
            del self._ready[key]
            self._alarms.pop(key, None)
            self._processing.add(key)
            if self._observer is not None:
                self._observer.key_waited(now - place.added_at)
            if self._ready or self._alarms:
                self._wake()  # this worker was perhaps the only one awake
            return key
        return None

    def _next_alarm(self) -> float | None:
        while self._alarm_order:
            due, ticket, key = self._alarm_order[0]
            alarm = self._alarms.get(key)
            if alarm is not None and alarm[1] == ticket:
                return due
            heapq.heappop(self._alarm_order)
        return None

    async def _doze(self, now: float) -> None:
        """Sleep until woken, or until the next alarm."""
        loop = asyncio.get_running_loop()
        waker: asyncio.Future[None] = loop.create_future()
        self._idle.append(waker)
        due = self._next_alarm()
        alarm = None if due is None else loop.call_later(max(0.0, due - now), _woken, waker)
        try:
            await waker
        except asyncio.CancelledError:
            if not waker.cancelled():
                self._wake()  # pass on what this worker can no longer use
            raise
        finally:
            if alarm is not None:
                alarm.cancel()
            with contextlib.suppress(ValueError):
                self._idle.remove(waker)

    def _wake(self) -> None:
        while self._idle:
            waker = self._idle.popleft()
            if not waker.done():
                waker.set_result(None)
                return


def _woken(waker: asyncio.Future[None]) -> None:
    if not waker.done():
        waker.set_result(None)
