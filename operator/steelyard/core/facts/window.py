"""What one window of traffic showed of one (workload, pool, revision): sums between two scrapes, never rates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from steelyard.core.facts.batches import Batches
from steelyard.core.facts.missed import Missed
from steelyard.core.facts.streams import Streams
from steelyard.core.facts.tokens import Tokens
from steelyard.core.statistics.histogram import Buckets

KEPT = 64
"""Windows of a placement that are kept: all that is known of its traffic is in them, and in what is remembered of figures."""


@dataclass(frozen=True, slots=True)
class Crash:
    """A replica's server ended by itself `at`, and the replica was ready again when it had `recovered`; None: it is not ready yet."""

    at: datetime
    recovered: datetime | None

    def disturbs(self, start: datetime, end: datetime) -> bool:
        """Whether a window shows it: a part of the outage is in it, or it begins less than its own length after that, while what had piled
        up meanwhile is still served."""
        return self.at < end and (self.recovered is None or start < self.recovered + (end - start))


class Window(NamedTuple):
    """Sums over the serving pods of one placement between two moments: a named tuple, since a decision makes some hundred of them of rows.

    `busy_seconds` counts replica-seconds in which the replica's limiting resource was in use (CPU seconds over the CPU limit, or the
    engine's busy time), so busy_seconds / replica_seconds is utilisation in [0, 1]; None where the server does not tell. `by_engine`: it is the
    engine's. One that batches is as busy at a third of what it can do as at all of it; `batches` tell how full its runs were, None where unknown.
    `cost` is money in the installation's currency at the pods' share of their nodes; None while a price is unknown.
    `buckets`: of the latency of answers (good and slow); None where the server does not tell.
    `steady`: the same ready pods at both ends and no move in between, so the sums speak of one constellation.
    `joules`: what the replicas drew, idle or not; None where no counter tells. `joules_estimated`: a part of it is attributed, and not metered.
    `tokens`: what went into the engines and came out; None where the server does not tell, which is not 0.
    `streams`: how long tokens took, and what ran at the same time; None where the server does not tell.
    `unsure`: of the slow requests those that may have been good, where a server tells no more than on which side of an edge they were.
    `apart`: of several promises each by itself, where the server tells them apart; empty where one is promised, or where it tells of all together.
    `took_seconds`: that the answers in `buckets` took together; None where the server does not tell.
    `blind`: of a promised time no more than a mean is known, so that any of the answered requests may have been good.
    `disturbed`: a replica crashed in it or shortly before (`Crash`): what was late or refused then says nothing of what a replica carries.
    """

    start: datetime
    end: datetime
    good: int
    slow: int
    error: int
    shed: int
    replica_seconds: float
    busy_seconds: float | None
    cost: float | None
    steady: bool
    p99_milliseconds: float | None = None
    buckets: Buckets | None = None
    disturbed: bool = False
    batches: Batches | None = None
    by_engine: bool = False
    joules: float | None = None
    joules_estimated: bool = False
    tokens: Tokens | None = None
    streams: Streams | None = None
    unsure: int = 0
    apart: tuple[Missed, ...] = ()
    blind: bool = False
    took_seconds: float | None = None

    @property
    def seconds(self) -> float:
        """Length of the window."""
        return (self.end - self.start).total_seconds()

    @property
    def occupied_seconds(self) -> float | None:
        """`busy_seconds` where a request takes the same part of them at any load: those of processors, or of an engine that does one at a time."""
        alone = self.batches is not None and self.batches.sizes[-1] == 1
        return self.busy_seconds if alone or not self.by_engine else None

    @property
    def offered(self) -> int:
        """Requests that asked for an answer, answered well or not."""
        return self.good + self.slow + self.error + self.shed

    @property
    def violations(self) -> float:
        """Requests that broke the promise. Of several that are told apart: of the one that is missed most for what it allows, as many as the strictest
        would allow in its place."""
        if not self.apart:
            return self.slow + self.error + self.shed
        return self._weighed([each.late + self.error + self.shed for each in self.apart])

    @property
    def late(self) -> float:
        """The same of those that were answered late, or turned away: errors say nothing of the load."""
        if not self.apart:
            return self.slow + self.shed
        return self._weighed([each.late + self.shed for each in self.apart])

    @property
    def surely_late(self) -> float:
        """The same without those that may have been good."""
        if not self.apart:
            return self.slow - self.unsure + self.shed
        return self._weighed([each.late - each.unsure + self.shed for each in self.apart])

    def _weighed(self, missed: Sequence[float]) -> float:
        strictest = min(each.allowed for each in self.apart)
        return max(n * strictest / each.allowed if each.allowed > 0 else n for n, each in zip(missed, self.apart, strict=True))

    @property
    def replicas(self) -> float:
        """Mean number of replicas."""
        return self.replica_seconds / self.seconds if self.seconds > 0 else 0.0


def totals(windows: Iterable[Window]) -> tuple[int, int]:
    """(good requests, all others) over windows."""
    good = bad = 0
    for window in windows:
        good, bad = good + window.good, bad + window.slow + window.error + window.shed
    return good, bad


def since(windows: Sequence[Window], moment: datetime) -> tuple[Window, ...]:
    """The windows that began at or after `moment`: nothing of an earlier constellation leaks in."""
    return tuple(w for w in windows if w.start >= moment)


def undisturbed(windows: Iterable[Window]) -> tuple[Window, ...]:
    """Those that no crash disturbed."""
    return tuple(w for w in windows if not w.disturbed)


def seeing(windows: Iterable[Window]) -> tuple[Window, ...]:
    """Those of which it is known how many requests kept the promise, at least and at most: what nobody sees is no evidence of what a replica carries."""
    return tuple(w for w in windows if not w.blind)


def constellation(windows: Sequence[Window]) -> tuple[Window, ...]:
    """The newest windows with one number of replicas: what standing there costs is that of the present size, not of one since outgrown."""
    if not windows:
        return ()
    size = round(windows[-1].replicas)
    first = len(windows)
    while first > 0 and round(windows[first - 1].replicas) == size:
        first -= 1
    return tuple(windows[first:])
