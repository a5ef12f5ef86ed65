"""What happened in one placement between two rounds, and how that adds up to a window. Pure sums: adding is associative.

Serving time, busy time and the sets of pods are taken at rounds: a pod that served at a round is counted as serving until the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from steelyard.core.economics.energy import NOTHING as NOTHING_DRAWN
from steelyard.core.economics.energy import Drawn
from steelyard.core.facts.batches import NONE, Batches, together
from steelyard.core.facts.streams import NO_STREAMS, Streams, all_streams
from steelyard.core.facts.tokens import NO_TOKENS, Tokens, all_tokens
from steelyard.core.facts.window import Window
from steelyard.core.statistics.histogram import Buckets, added, kept, quantile
from steelyard.observe.sample import ZERO, Tally

P99 = 0.99


@dataclass(frozen=True, slots=True)
class Constellation:
    """At one round: pods that serve, and those of them that were read."""

    serving: frozenset[str]
    read: frozenset[str]

    @property
    def complete(self) -> bool:
        """Whether every serving pod was read."""
        return self.serving <= self.read


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Sums between two rounds. `unbroken`: no change of the serving pods and no restart of their containers in between."""

    start: datetime
    end: datetime
    first: Constellation
    last: Constellation
    unbroken: bool = True
    tally: Tally = ZERO
    replica_seconds: float = 0.0
    busy_seconds: float | None = 0.0
    cost: float | None = 0.0
    buckets: Buckets | None
    took_seconds: float | None = 0.0
    batches: Batches | None = NONE
    by_engine: bool = False
    drawn: Drawn = NOTHING_DRAWN
    tokens: Tokens | None = NO_TOKENS
    streams: Streams | None = NO_STREAMS
    blind: bool = False

    def __add__(self, after: Span) -> Span:
        """Both together. ValueError if the other does not begin where this one ends."""
        if self.end != after.start:
            raise ValueError("spans add up only where one begins at the end of the other")
        return Span(
            start=self.start,
            end=after.end,
            first=self.first,
            last=after.last,
            unbroken=self.unbroken and after.unbroken and self.last.serving == after.first.serving,
            tally=self.tally + after.tally,
            replica_seconds=self.replica_seconds + after.replica_seconds,
            busy_seconds=_sum(self.busy_seconds, after.busy_seconds),
            cost=_sum(self.cost, after.cost),
            buckets=added(self.buckets, after.buckets),
            took_seconds=_sum(self.took_seconds, after.took_seconds),
            batches=together(self.batches, after.batches),
            by_engine=self.by_engine or after.by_engine,
            drawn=self.drawn + after.drawn,
            tokens=all_tokens(self.tokens, after.tokens),
            streams=all_streams(self.streams, after.streams),
            blind=self.blind or after.blind,
        )

    @property
    def seconds(self) -> float:
        """Length."""
        return (self.end - self.start).total_seconds()

    @property
    def window(self) -> Window:
        """As the core reads it."""
        steady = self.unbroken and self.first.serving == self.last.serving and self.first.complete and self.last.complete
        p99 = quantile(self.buckets, P99)
        joules = self.drawn.over(self.replica_seconds)
        return Window(
            start=self.start,
            end=self.end,
            good=self.tally.good,
            slow=self.tally.slow,
            error=self.tally.error,
            shed=self.tally.shed,
            unsure=self.tally.unsure,
            replica_seconds=self.replica_seconds,
            # CPU time may exceed the limit by the scheduler's grain; a utilisation does not exceed 1.
            busy_seconds=None if self.busy_seconds is None else min(self.busy_seconds, self.replica_seconds),
            cost=self.cost,
            steady=steady,
            p99_milliseconds=None if p99 is None else p99 * 1000,
            buckets=kept(self.buckets),
            took_seconds=self.took_seconds if self.buckets else None,
            batches=self.batches if self.batches is not None and self.batches.sizes else None,
            by_engine=self.by_engine,
            joules=joules,
            joules_estimated=joules is not None and self.drawn.estimated,
            tokens=self.tokens,
            streams=self.streams if self.streams is not None and self.streams.firsts else None,
            apart=self.tally.apart,
            blind=self.blind,
        )


def opened(at: datetime, now: Constellation) -> Span:
    """A span that has just begun."""
    return Span(start=at, end=at, first=now, last=now, buckets={})


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other
