"""Any server but our own, by the names of its metrics: a profile's (`profiles`), or those that its owner gave.

It counts requests and how long they took, and not which of them were good. From the buckets around the promised times follows how many can have
been, at least and at most; of several promises the same request has to keep all (bounds of Fréchet).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TypeAlias

from steelyard.core.facts.tokens import Tokens
from steelyard.core.statistics.histogram import Buckets, Histogram
from steelyard.observe.engine import EVERY_NAME, INPUT, OUTPUT, counted, every_token, streams_of
from steelyard.observe.exposition import Exposition, Labels
from steelyard.observe.failure import Reason, RejectedError
from steelyard.observe.on_page import LAYOUTS, histogram, http_status, single, tokens_of_each, whole, whole_sum
from steelyard.observe.sample import Counts, Sample, Within

CPU = "process_cpu_seconds_total"
START = "process_start_time_seconds"
WHOLE = "e2e"
BETWEEN = "itl"
"""Of an answer with one token there is none: a request that is not counted by its histogram kept that promise."""
TOO_MANY = 429
FAILED = 400
MATCHED = 4096
"""Series of which it is remembered whether they are asked for."""
Patterns: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]
"""By label, patterns of its value (`fnmatch`); a label that is not there has the value ""."""


@dataclass(frozen=True, slots=True)
class Named:
    """Series of one metric: those whose labels match a pattern of each of `where`, and of none of `but`. No pattern: all of them."""

    name: str
    where: Patterns = ()
    but: Patterns = ()

    def of(self, series: Mapping[Labels, float]) -> Mapping[Labels, float]:
        """Those of them that are meant."""
        if not self.where and not self.but:
            return series
        return {labels: value for labels, value in series.items() if _matches(labels, self.where, self.but)}


@lru_cache(maxsize=MATCHED)
def _matches(labels: Labels, where: Patterns, but: Patterns) -> bool:
    told = dict(labels)
    return all(_is(told, one) for one in where) and not any(_is(told, one) for one in but)


def _is(told: Mapping[str, str], one: tuple[str, tuple[str, ...]]) -> bool:
    label, patterns = one
    return any(fnmatchcase(told.get(label, ""), pattern) for pattern in patterns)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedMetrics:
    """`answered`: requests that ended without an error, or with any status where `status_label` tells it; `failed`, `refused`: with an error, or
    turned away; `aside`: that ended otherwise, such as those whose client went away. `times`: by time of a request, the histograms that tell it, the
    first that is there. `per_second`: what their edges count in. `promises`: times with seconds. `witness`: metrics that a server has which has not
    answered yet, and so tells of no answered request. `tokens`: counters of those of all prompts and all answers. `engine`: whether it tells what
    vLLM's does."""

    answered: tuple[Named, ...]
    times: tuple[tuple[str, tuple[Named, ...]], ...]
    promises: tuple[tuple[str, float], ...]
    failed: tuple[Named, ...] = ()
    refused: tuple[Named, ...] = ()
    aside: tuple[Named, ...] = ()
    status_label: str | None = None
    per_second: float = 1.0
    witness: tuple[str, ...] = ()
    tokens: tuple[str, str] | None = None
    engine: bool = False
    path: str = "/metrics"

    @property
    def counter(self) -> str:
        """The metric that proves the server is observed."""
        return self.answered[0].name

    @property
    def wanted(self) -> frozenset[str]:
        """Names to keep."""
        counters = {each.name for each in (*self.answered, *self.failed, *self.refused, *self.aside)}
        times = {each.name for _, told in self.times for each in told}
        engine = {*EVERY_NAME, *(f"{name}_bucket" for name in (*INPUT, *OUTPUT))} if self.engine else set()
        return frozenset(
            {
                *counters,
                *times,
                *(f"{name}_{part}" for name in times for part in ("bucket", "count")),
                *self.witness,
                *(self.tokens or ()),
                *engine,
                CPU,
                START,
            }
        )

    @property
    def own_labels(self) -> frozenset[str] | None:
        """Not known: any label may be the server's."""
        return None

    def sample(self, seen: Exposition, at: datetime, content: int) -> Sample:
        """RejectedError if requests, or the time of a promise, are neither told nor declared, or a status is none of HTTP."""
        # Of a server that counts from its first request on, something else has to say that it is that server.
        if not any(name in seen.series or name in seen.declared for name in (self.counter, *self.witness)):
            raise RejectedError(Reason.MISSING, f"has no {self.counter}")
        answered, error, shed = self._outcomes(seen)
        times = {metric: self._histogram(seen, metric) for metric in dict.fromkeys((WHOLE, *(metric for metric, _ in self.promises)))}
        return Sample(
            at=at,
            counts=Counts(
                answered=answered,
                error=error + sum(_counts(seen, self.failed)),
                shed=shed + sum(_counts(seen, self.refused)),
                aside=sum(_counts(seen, self.aside)),
                told=tuple(self._within(metric, seconds, times[metric]) for metric, seconds in self.promises),
            ),
            cpu_seconds=single(seen, CPU),
            busy_seconds=None,
            buckets=times[WHOLE] or {},
            start=single(seen, START),
            clock=None,
            content=content,
            input_tokens=tokens_of_each(seen, INPUT) if self.engine else None,
            output_tokens=tokens_of_each(seen, OUTPUT) if self.engine else None,
            tokens=self._tokens(seen),
            streams=streams_of(seen, None) if self.engine else None,
        )

    def _outcomes(self, seen: Exposition) -> tuple[int, int, int]:
        """Requests that were answered, failed and refused, as the first counter tells."""
        if self.status_label is None:
            return sum(_counts(seen, self.answered)), 0, 0
        answered = error = shed = 0
        for labels, count in _each(seen, self.answered):
            status = http_status(dict(labels).get(self.status_label), self.status_label)
            if status == TOO_MANY:
                shed += count
            elif status >= FAILED:
                error += count
            else:
                answered += count
        return answered, error, shed

    def _histogram(self, seen: Exposition, metric: str) -> Buckets | None:
        """None where the server does not tell, which is refused of a time that is promised."""
        told = dict(self.times).get(metric, ())
        for named in told:
            series = seen.series.get(f"{named.name}_bucket")
            if series is not None:
                meant = named.of(series)
                return _in_seconds(histogram(named.name, meant), self.per_second) if meant else {}
            # A histogram that is not observed yet has no series at all. A counter or a summary tells means, and of no request whether it was in time.
            if named.name in seen.declared and not {named.name, f"{named.name}_count"} & seen.series.keys():
                return {}
        if self.witness and self.counter not in seen.series:
            return {}
        if metric in dict(self.promises):
            names = " or ".join(named.name for named in told)
            raise RejectedError(Reason.MISSING, f"has no histogram {names or f'of {metric}'}, by which the promise of {metric} is judged")
        return None

    def _within(self, metric: str, seconds: float, buckets: Buckets | None) -> Within:
        told = buckets or {}
        below = [edge for edge in told if edge <= seconds * (1 + 1e-9)]
        above = [edge for edge in told if edge >= seconds * (1 - 1e-9)]
        return Within(
            least=told[max(below)] if below else 0,
            most=told[min(above)] if above else 0,
            observed=told.get(math.inf, 0),
            of_all=metric != BETWEEN,
        )

    def _tokens(self, seen: Exposition) -> Tokens | None:
        if self.engine:
            every = every_token(seen)
        else:
            every = None if self.tokens is None else counted(whole_sum(seen, self.tokens[0]), None, whole_sum(seen, self.tokens[1]))
        return None if every is None else Tokens(every=every, good=None)


def _each(seen: Exposition, counters: Iterable[Named]) -> Iterator[tuple[Labels, int]]:
    """Each series of them with its count."""
    for named in counters:
        for labels, value in named.of(seen.series.get(named.name, {})).items():
            yield labels, whole(named.name, value)


def _counts(seen: Exposition, counters: Iterable[Named]) -> Iterator[int]:
    return (count for _, count in _each(seen, counters))


def _in_seconds(told: Histogram, per_second: float) -> Histogram:
    return told if per_second == 1.0 else Histogram(_edges(told.edges, per_second), told.counts)


@lru_cache(maxsize=LAYOUTS)
def _edges(edges: tuple[float, ...], per_second: float) -> tuple[float, ...]:
    return tuple(edge / per_second for edge in edges)
