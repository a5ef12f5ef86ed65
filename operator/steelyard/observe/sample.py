"""What one read of one pod says: its counters since its process started."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from steelyard.core.economics.energy import Meters
from steelyard.core.facts.batches import Batches
from steelyard.core.facts.batches import shrank as fewer
from steelyard.core.facts.missed import Missed, all_missed
from steelyard.core.facts.streams import Streams
from steelyard.core.facts.tokens import Tokens, fewer_tokens
from steelyard.core.statistics.histogram import Buckets, shrank

Apart: TypeAlias = tuple[Missed, ...]
Kept: TypeAlias = tuple[tuple[int, int], ...]
"""By promise, requests that kept it, at least and at most."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Requests by outcome."""

    good: int = 0
    slow: int = 0
    error: int = 0
    shed: int = 0
    unsure: int = 0
    """Of the slow ones: those that may have been good."""
    apart: Apart = ()
    """Of several promises each by itself, where the server tells them apart."""

    @property
    def offered(self) -> int:
        """All of them."""
        return self.good + self.slow + self.error + self.shed

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.good + other.good,
            self.slow + other.slow,
            self.error + other.error,
            self.shed + other.shed,
            self.unsure + other.unsure,
            all_missed(self.apart, other.apart),
        )

    def __sub__(self, other: Tally) -> Tally:
        return Tally(
            self.good - other.good,
            self.slow - other.slow,
            self.error - other.error,
            self.shed - other.shed,
            self.unsure - other.unsure,
            all_missed(self.apart, other.apart, -1),
        )

    def at_least(self, other: Tally) -> Tally:
        """The larger of each outcome: counters of one process only grow."""
        return Tally(
            max(self.good, other.good),
            max(self.slow, other.slow),
            max(self.error, other.error),
            max(self.shed, other.shed),
            max(self.unsure, other.unsure),
            self.apart or other.apart,
        )


ZERO = Tally()


def total(tallies: Iterable[Tally]) -> Tally:
    """Sum. Most pods have one process, and what is summed up then is one figure."""
    some = [tally for tally in tallies if tally is not ZERO]
    return some[0] if len(some) == 1 else sum(some, ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """What a histogram of one time tells of its promise: observations that surely and that possibly kept it, and all that there are. `of_all`:
    whether every answered request is observed, so that one which is not did not keep it. `metric`, `allowed`: which time is promised, and the part
    that may miss it. `blind`: nothing tells how many kept it."""

    least: int
    most: int
    observed: int
    of_all: bool = True
    metric: str = ""
    allowed: float = 0.01
    blind: bool = False

    def shrank(self, old: Within) -> bool:
        """Whether a counter is below its old value."""
        return self.blind == old.blind and (self.least < old.least or self.most < old.most or self.observed < old.observed)

    def __sub__(self, old: Within) -> Within:
        return replace(self, least=self.least - old.least, most=self.most - old.most, observed=self.observed - old.observed)

    def good(self, answered: int, failed: int) -> tuple[int, int]:
        """(least, most) of the answered requests that kept the promise. failed: that may be among the observed ones."""
        # At most as many as it observed beyond the answered ones were failures, and each of those may lie on either side of the promise.
        failures = min(max(self.observed - answered, 0), failed)
        late_most, late_least = self.observed - self.least, max(0, self.observed - self.most - failures)
        if not self.of_all:
            return max(0, answered - late_most), max(0, answered - late_least)
        return min(max(self.least - failures, 0), answered), min(max(self.most, 0), answered)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Raw counters of one process.

    `answered`: without an error. A server that judges its requests itself tells which were `within` the promise, of the `observed`; of others it is
    `told` for each of the promises, or `late` how many missed each. `aside`: requests that ended neither well nor badly, and may be observed.
    """

    answered: int = 0
    error: int = 0
    shed: int = 0
    within: int = 0
    observed: int = 0
    aside: int = 0
    told: tuple[Within, ...] = ()
    late: Apart = ()

    def shrank(self, old: Counts) -> bool:
        """Whether any counter is below its old value."""
        return (
            any(
                (
                    self.answered < old.answered,
                    self.error < old.error,
                    self.shed < old.shed,
                    self.within < old.within,
                    self.observed < old.observed,
                    self.aside < old.aside,
                )
            )
            or any(map(Within.shrank, self.told, old.told))
            or any(new.late < before.late for new, before in zip(self.late, old.late, strict=False))
        )

    def __sub__(self, old: Counts) -> Counts:
        return Counts(
            answered=self.answered - old.answered,
            error=self.error - old.error,
            shed=self.shed - old.shed,
            within=self.within - old.within,
            observed=self.observed - old.observed,
            aside=self.aside - old.aside,
            told=tuple(map(Within.__sub__, self.told, old.told)) if old.told else self.told,
            late=all_missed(self.late, old.late, -1),
        )

    @property
    def kept(self) -> Kept:
        """Of the promises that histograms tell of."""
        failed = self.error + self.shed + self.aside
        return tuple(each.good(self.answered, failed) for each in self.told)

    @property
    def tally(self) -> Tally:
        """Outcomes; the lower end for good where an interval is left, of which the rest is unsure."""
        return self._judged(self.kept)

    def after(self, old: Counts, since: Counts, kept: Kept) -> tuple[Tally, Kept]:
        """(outcomes of what came after `old`, what kept its promises since `since` as it was told by now, for the next call). kept: that of the last
        call, empty for the first one. What is told late of a request before it is answered, such as its first token, is held against the next ones that are answered: it is
        known how many there were, and not which."""
        new, kept = self - old, kept or ((0, 0),) * len(self.told)
        told = tuple((max(least, now), max(most, at_most)) for (least, most), (now, at_most) in zip(kept, (self - since).kept, strict=True))
        grown = tuple(
            (rise := min(now - least, new.answered), max(rise, min(at_most - most, new.answered)))
            for (least, most), (now, at_most) in zip(kept, told, strict=True)
        )
        return new._judged(grown), told

    def _judged(self, kept: Kept) -> Tally:
        """Of several promises told apart the same request has to keep all: as many as are left where no two are broken by the same one, and at most
        as many as keep the one that is broken most often (bounds of Fréchet)."""
        if not self.told:
            good = min(max(self.within, 0), self.answered)
            return Tally(good, self.answered - good, self.error, self.shed, apart=self.late)
        good = max(0, sum(least for least, _ in kept) - (len(kept) - 1) * self.answered)
        most = max(good, min(most for _, most in kept))
        apart = tuple(
            Missed(each.metric, self.answered - least, max(0, most - least), each.allowed)
            for each, (least, most) in zip(self.told, kept, strict=True)
            if not each.blind
        )
        return Tally(good, self.answered - good, self.error, self.shed, most - good, apart if len(self.told) > 1 else ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One pod at one moment. Optional figures are None where the server does not tell; never 0 for that.

    `at` orders samples of one pod and is not compared with another clock. `start` and `clock` are Unix seconds by the server's own
    clock: when its process started, and when it wrote this answer. `content` identifies the answer, to see an exporter repeat itself.
    """

    at: datetime
    counts: Counts
    cpu_seconds: float | None
    busy_seconds: float | None
    buckets: Buckets
    start: float | None
    clock: float | None
    content: int
    batches: Batches | None = None
    input_tokens: Buckets | None = None
    """Requests by their tokens; the edges are numbers of tokens."""
    output_tokens: Buckets | None = None
    meters: Meters | None = None
    """Not of its process: they may count on through a restart, and are read at moments of their own."""
    tokens: Tokens | None = None
    streams: Streams | None = None
    """Counters, and what runs at this moment."""
    blind: str = ""
    """Which promised times its server tells a mean of alone, and what would make them known; empty where all are told."""
    doubts: tuple[str, ...] = ()
    """What of the names that were given may not be meant so, a sentence each."""
    absent: tuple[str, ...] = ()
    """Names that were given, and that the page does not have."""
    took_seconds: float | None = None
    """That all requests of `buckets` took together."""

    def shrank(self, old: Sample) -> bool:
        """Whether a counter went back, which only a new process explains. Where both name their start and it is the same, requests alone
        decide: a time that was read a tick too early must not make every request of the process count again."""
        if self.start is not None and self.start == old.start:
            return self.counts.shrank(old.counts)
        return (
            self.counts.shrank(old.counts)
            or _less(self.cpu_seconds, old.cpu_seconds)
            or _less(self.busy_seconds, old.busy_seconds)
            or shrank(self.buckets, old.buckets)
            or fewer(self.batches, old.batches)
            or fewer_tokens(self.tokens, old.tokens)
        )


def seconds_since(new: float | None, old: float | None) -> float | None:
    """What a sum of seconds rose by; None where one of both is unknown, or it went back."""
    return None if new is None or old is None or new < old else new - old


def _less(new: float | None, old: float | None) -> bool:
    return new is not None and old is not None and new < old
