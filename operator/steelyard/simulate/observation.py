"""What is read of one placement: windows of sums, and whether they may be acted on. As `observe` does it, at the points of the grid.

A window runs from a moment at which every serving replica was read; it is thrown away when one cannot be, and the next whole window has to
pass before a reading counts again. A placement without a ready replica begins anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf

import numpy as np

from steelyard.core.facts.batches import NONE, Batches, together
from steelyard.core.facts.snapshot import Traffic
from steelyard.core.facts.streams import NO_STREAMS, Streams, all_streams
from steelyard.core.facts.tokens import NO_TOKENS, Tokens, all_tokens
from steelyard.core.facts.window import KEPT, Crash, Window
from steelyard.core.facts.window_table import WindowTable
from steelyard.core.statistics.histogram import Histogram, quantile
from steelyard.core.vocabulary.reading import Fresh, Reading, Stale, Unknown
from steelyard.simulate.requests import ERROR, GOOD, SHED, SLOW, Requests

LADDER = (1, 2.5, 5, 10, 25, 50, 75, 100, 150, 200, 300, 400, 600, 800, 1200, 1600, 2400, 3200, 5000, 10000, 30000)
"""Milliseconds: edges of the servers' histogram of latencies; what is promised of whole answers is one more."""
P99 = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a placement did in a step of so many seconds. `served`: replicas that took requests; `read`: whether they could be read;
    `busy_seconds`, `batches`, `tokens`, `streams` and `cost` None where that is not known. `crashes`: the last one of each of its replicas."""

    answered: Requests
    served: frozenset[int]
    seconds: float
    busy_seconds: float | None
    cost: float | None
    read: bool
    crashes: tuple[Crash, ...] = ()
    batches: Batches | None = None
    by_engine: bool = False
    """Whether the busy time is the engine's, as on devices, and not that of processors."""
    tokens: Tokens | None = None
    streams: Streams | None = None


class Observation:
    """Of one placement."""

    def __init__(self, pool: str, window_seconds: int, objective_milliseconds: int | None) -> None:
        self._pool = pool
        self._edges = np.array(sorted({each / 1000 for each in (*LADDER, objective_milliseconds) if each is not None} | {inf}))
        self._length = timedelta(seconds=window_seconds)
        self._ring = self._before = WindowTable()
        self._good_at: datetime | None = None
        self._why: str | None = f"no serving replica of pool {pool} was read yet"
        self._recovering = False
        self._pending = True
        self._idle = False
        self._begin: datetime | None = None
        self._first: frozenset[int] = frozenset()
        self._clear()

    def step(self, seen: Seen, serving: frozenset[int], now: datetime) -> bool:
        """One step that ends now; `serving`: who takes requests from now on. Whether a window ended or the reading turned."""
        before = self._kind
        closed, self._pending = False, not serving
        if not serving or not seen.read:
            self._interrupt(idle=not serving)
            return before != self._kind
        if self._begin is None:
            self._open(serving, now)
        else:
            self._add(seen)
            self._unbroken &= seen.served == serving
            if now - self._begin >= self._length:
                steady = self._unbroken and serving == self._first
                disturbed = any(crash.disturbs(self._begin, now) for crash in seen.crashes)
                self._ring = self._ring.then(self._window(now, steady=steady, disturbed=disturbed), KEPT)
                closed, self._recovering = True, False
                self._clear()
                self._begin, self._first = now, serving
        self._good_at, self._why = now, None
        return closed or before != self._kind

    @property
    def _kind(self) -> tuple[bool, str | None, bool, bool]:
        return self._good_at is None, self._why, self._pending, self._recovering

    def reading(self) -> Reading[Traffic]:
        """What may be believed."""
        if self._good_at is None or self._pending:
            return Unknown(self._why or "", self._pending)
        traffic = Traffic(windows=self._ring)
        if self._why is not None:
            return Stale(traffic, self._good_at, self._why)
        if self._recovering:
            return Stale(traffic, self._good_at, f"readings of pool {self._pool} came back; one full window has to pass before they count")
        return Fresh(traffic, self._good_at)

    @property
    def past(self) -> WindowTable:
        """Windows of the time before it last began to serve; all of them while it does not."""
        left = self._ring if self._idle else WindowTable()
        return left.without_latencies().after(self._before, KEPT)

    def end(self) -> None:
        """It is gone."""
        self._interrupt(idle=True)

    def _interrupt(self, *, idle: bool) -> None:
        dark = self._begin is not None or (self._good_at is None and not self._pending)
        self._recovering = not idle and (self._recovering or dark)
        self._begin = None
        self._idle |= idle
        self._why = f"no replica of pool {self._pool} is ready" if idle else f"replicas of pool {self._pool} were not read"

    def _open(self, serving: frozenset[int], now: datetime) -> None:
        if self._idle:
            self._before, self._ring = self._ring.without_latencies().after(self._before, KEPT), WindowTable()
        self._idle = False
        self._clear()
        self._begin, self._first = now, serving

    def _clear(self) -> None:
        self._counts = np.zeros(4, np.int64)
        self._within = np.zeros(len(self._edges), np.int64)
        self._took = 0.0
        self._replica_seconds = 0.0
        self._busy: float | None = 0.0
        self._cost: float | None = 0.0
        self._batches: Batches | None = NONE
        self._unbroken, self._by_engine = True, False
        self._tokens: Tokens | None = NO_TOKENS
        self._streams: Streams | None = NO_STREAMS

    def _add(self, seen: Seen) -> None:
        self._counts += np.bincount(seen.answered.outcome, minlength=4)
        latencies = seen.answered.latency[seen.answered.outcome <= SLOW]
        self._took += float(latencies.sum())
        self._within += np.bincount(np.searchsorted(self._edges, latencies), minlength=len(self._edges))
        self._replica_seconds += len(seen.served) * seen.seconds
        self._busy = None if self._busy is None or seen.busy_seconds is None else self._busy + seen.busy_seconds
        self._batches = together(self._batches, seen.batches)
        self._by_engine = self._by_engine or seen.by_engine
        self._tokens = all_tokens(self._tokens, seen.tokens)
        self._streams = all_streams(self._streams, seen.streams)
        self._cost = None if self._cost is None or seen.cost is None else self._cost + seen.cost

    def _window(self, now: datetime, *, steady: bool, disturbed: bool) -> Window:
        assert self._begin is not None
        buckets = Histogram(self._edges.tolist(), np.cumsum(self._within).tolist())
        p99 = quantile(buckets, P99)
        return Window(
            start=self._begin,
            end=now,
            good=int(self._counts[GOOD]),
            slow=int(self._counts[SLOW]),
            error=int(self._counts[ERROR]),
            shed=int(self._counts[SHED]),
            replica_seconds=self._replica_seconds,
            busy_seconds=None if self._busy is None else min(self._busy, self._replica_seconds),
            cost=self._cost,
            steady=steady,
            p99_milliseconds=None if p99 is None else p99 * 1000,
            buckets=buckets,
            took_seconds=self._took,
            disturbed=disturbed,
            by_engine=self._by_engine,
            tokens=self._tokens,
            batches=self._batches if self._batches is not None and self._batches.sizes else None,
            streams=self._streams if self._streams is not None and self._streams.firsts else None,
        )
