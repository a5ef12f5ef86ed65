"""Any server but our own, by the names of its metrics: a profile's (`profiles`), or those that its owner gave.

It counts requests and how long they took, and not which of them were good. From the buckets around the promised times follows how many can have
been, at least and at most; of several promises the same request has to keep all (bounds of Fréchet). Where a time is told by sums alone any number of
the answered requests may have kept its promise: the sample is `blind`, and says by what it would see.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import chain
from typing import TypeAlias

from steelyard.core.facts.tokens import Tokens
from steelyard.core.statistics.histogram import Buckets, Histogram
from steelyard.observe.engine import EVERY_NAME, INPUT, OUTPUT, counted, every_token, streams_of
from steelyard.observe.exposition import Exposition, Labels
from steelyard.observe.failure import Reason, RejectedError
from steelyard.observe.on_page import LAYOUTS, histogram, http_status, plausible, single, tokens_of_each, whole
from steelyard.observe.sample import Counts, Sample, Within

CPU = "process_cpu_seconds_total"
START = "process_start_time_seconds"
WHOLE = "e2e"
TOO_MANY = 429
FAILED = 400
MATCHED = 4096
"""Series of which it is remembered whether they are asked for."""
STRICT = 0.01
"""What may miss a promise of which it is not told."""
FEW, SHOWN = 3, 32
"""Values that a sentence names, and characters of each."""
PARTS = ("bucket", "count", "sum")
"""Of a histogram, or of a summary."""
UNITS = {1.0: "Seconds", 1_000.0: "Milliseconds", 1_000_000.0: "Microseconds"}
_ESCAPED = re.compile(r"\[([*?[])\]")
"""As `glob.escape` writes it."""
ENDINGS = {"_seconds": 1.0, "_ms": 1_000.0, "_milliseconds": 1_000.0, "_us": 1_000_000.0, "_microseconds": 1_000_000.0}
"""By which a name says what it counts in."""
Patterns: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]
"""By label, patterns of its value (`fnmatch`); a label that is not there has the value ""."""


@dataclass(frozen=True, slots=True)
class Named:
    """Series of one metric: those whose labels match a pattern of each of `where`, and of none of `but`. No pattern: all of them."""

    name: str
    where: Patterns = ()
    but: Patterns = ()

    def on(self, seen: Exposition, part: str = "") -> Mapping[Labels, float]:
        """Those of them that a page has, of the metric or of a part of it, such as `_bucket`."""
        return self.of(seen.series.get(f"{self.name}{part}", {}))

    def is_on(self, seen: Exposition) -> bool:
        """Whether the page knows the metric, with series or without, in whatever form."""
        told = (self.name, *(f"{self.name}_{part}" for part in PARTS))
        return self.name in seen.declared or any(name in seen.series for name in told)

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
    first that is there. `per_second`: what their edges count in. `promises`: times with seconds; `allowed`: of each the part that may miss it.
    `means`: by time, metrics that show that the server tells no more of it than a mean, `parts` histograms of a part
    of it alone, which as many at most kept, and `remedy` what would make it tell more. `witness`: metrics
    that a server has which has not answered yet, and so tells of no answered request. `tokens`: counters of those of all prompts and all answers,
    `cached` of those of prompts that a cache spared. `engine`: whether it tells what vLLM's does. `by_hand`: its owner gave the names. `behind`: its
    histograms come later than its counters, so that a request which they do not show yet counts as in time until they show it late."""

    answered: tuple[Named, ...]
    times: tuple[tuple[str, tuple[Named, ...]], ...]
    promises: tuple[tuple[str, float], ...]
    allowed: tuple[float, ...] = ()
    failed: tuple[Named, ...] = ()
    refused: tuple[Named, ...] = ()
    aside: tuple[Named, ...] = ()
    status_label: str | None = None
    per_second: float = 1.0
    means: tuple[tuple[str, tuple[str, ...]], ...] = ()
    parts: tuple[tuple[str, Named], ...] = ()
    remedy: str = ""
    witness: tuple[str, ...] = ()
    tokens: tuple[Named, Named] | None = None
    cached: Named | None = None
    engine: bool = False
    by_hand: bool = False
    behind: bool = False
    path: str = "/metrics"

    @property
    def counter(self) -> str:
        """The metric that proves the server is observed."""
        return self.answered[0].name

    @property
    def proofs(self) -> frozenset[str]:
        """Metrics of which any proves it."""
        return frozenset({self.counter, *self.witness})

    @property
    def wanted(self) -> frozenset[str]:
        """Names to keep."""
        counters = {each.name for each in self._counters}
        times = {each.name for _, told in self.times for each in told}
        engine = {*EVERY_NAME, *(f"{name}_bucket" for name in (*INPUT, *OUTPUT))} if self.engine else set()
        return frozenset(
            {
                *counters,
                *times,
                *(f"{name}_{part}" for name in times for part in PARTS),
                *(name for _, names in self.means for name in names),
                *(f"{part.name}_{end}" for _, part in self.parts for end in PARTS),
                *self.witness,
                *engine,
                CPU,
                START,
            }
        )

    @property
    def own_labels(self) -> frozenset[str] | None:
        """Not known: any label may be the server's."""
        return None

    @property
    def _counters(self) -> tuple[Named, ...]:
        tokens = (*(self.tokens or ()), *((self.cached,) if self.cached is not None else ()))
        return (*self.answered, *self.failed, *self.refused, *self.aside, *tokens)

    def sample(self, seen: Exposition, at: datetime, content: int) -> Sample:
        """RejectedError if requests, or the time of a promise, are neither told nor declared, or a status is none of HTTP."""
        # Of a server that counts from its first request on, something else has to say that it is that server.
        if not any(name in seen.series or name in seen.declared for name in self.proofs):
            raise RejectedError(Reason.MISSING, f"has no {self.counter}", missing=self.counter)
        answered, error, shed = self._outcomes(seen)
        times = {metric: self._histogram(seen, metric) for metric in dict.fromkeys((WHOLE, *(metric for metric, _ in self.promises)))}
        blind = tuple(metric for metric, _ in self.promises if isinstance(times[metric], _Mean))
        whole_times = times[WHOLE]
        buckets = {} if isinstance(whole_times, _Mean) else whole_times or {}
        allowed = self.allowed or (STRICT,) * len(self.promises)
        return Sample(
            at=at,
            counts=Counts(
                answered=answered,
                error=error + sum(_counts(seen, self.failed)),
                shed=shed + sum(_counts(seen, self.refused)),
                aside=sum(_counts(seen, self.aside)),
                told=tuple(
                    self._within(metric, seconds, part, times[metric], answered)
                    for (metric, seconds), part in zip(self.promises, allowed, strict=True)
                ),
            ),
            cpu_seconds=single(seen, CPU),
            busy_seconds=None,
            buckets=buckets,
            took_seconds=self._took(seen) if buckets else 0.0,
            start=single(seen, START),
            clock=None,
            content=content,
            input_tokens=tokens_of_each(seen, INPUT) if self.engine else None,
            output_tokens=tokens_of_each(seen, OUTPUT) if self.engine else None,
            tokens=self._tokens(seen),
            streams=streams_of(seen, None) if self.engine else None,
            blind=self._blind(times, blind),
            doubts=tuple(self._doubts(seen)) if self.by_hand else (),
            absent=tuple(dict.fromkeys(each.name for each in self._counters if not each.is_on(seen))) if self.by_hand else (),
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

    def _histogram(self, seen: Exposition, metric: str) -> Buckets | _Mean | None:
        """None where the server does not tell, which is refused of a time that is promised."""
        told = dict(self.times).get(metric, ())
        for named in told:
            if f"{named.name}_bucket" in seen.series:
                meant = named.on(seen, "_bucket")
                return self._in_seconds(seen, named, meant) if meant else {}
            # A histogram that is not observed yet has no series at all. A counter or a summary tells means, and of no request whether it was in time.
            if named.name in seen.declared and not {named.name, *(f"{named.name}_{part}" for part in PARTS)} & seen.series.keys():
                return {}
        if (mean := self._mean(seen, metric)) is not None:
            return mean
        part = dict(self.parts).get(metric)
        if part is not None and f"{part.name}_bucket" in seen.series:
            return _Mean(part.name, self._in_seconds(seen, part, part.on(seen, "_bucket")))
        if self.witness and self.counter not in seen.series:
            return {}
        if metric in dict(self.promises):
            names = " or ".join(named.name for named in told)
            detail = f"has no histogram {names or f'of {metric}'}, by which the promise of {metric} is judged"
            raise RejectedError(Reason.MISSING, detail, missing=told[0].name if told else "")
        return None

    def _took(self, seen: Exposition) -> float | None:
        """Seconds that all requests of the histogram of the whole took together; None where it has no sum."""
        named = next(each for each in dict(self.times)[WHOLE] if f"{each.name}_bucket" in seen.series)
        sums = named.on(seen, "_sum")
        return sum(sums.values()) / self.per_second if sums else None

    def _mean(self, seen: Exposition, metric: str) -> _Mean | None:
        """What tells a mean of it and nothing more: as the profile knows, or what has the name of a histogram and is a sum or a summary."""
        known = (name for name in dict(self.means).get(metric, ()) if name in seen.series or name in seen.declared)
        sums = (name for named in dict(self.times).get(metric, ()) for name in (named.name, f"{named.name}_sum") if name in seen.series)
        name = next(chain(known, sums), None)
        return None if name is None else _Mean(name)

    def _in_seconds(self, seen: Exposition, named: Named, meant: Mapping[Labels, float]) -> Histogram:
        told = histogram(named.name, meant)
        sums = named.on(seen, "_sum")
        if sums:
            plausible(named.name, told, sum(sums.values()))
        return told if self.per_second == 1.0 else Histogram(_edges(told.edges, self.per_second), told.counts)

    def _within(self, metric: str, seconds: float, allowed: float, told: Buckets | _Mean | None, answered: int) -> Within:
        if isinstance(told, _Mean):
            most = answered if told.part is None else min(told.part[edge] for edge in told.part if edge >= seconds * (1 - 1e-9))
            return Within(least=0, most=most, observed=max(answered, most), metric=metric, allowed=allowed, blind=True)
        if not told and answered and self.by_hand:
            # Perhaps other series are meant: that nothing was observed makes no request late, and none good.
            return Within(least=0, most=answered, observed=answered, metric=metric, allowed=allowed, blind=True)
        buckets = told or {}
        below = [edge for edge in buckets if edge <= seconds * (1 + 1e-9)]
        above = [edge for edge in buckets if edge >= seconds * (1 - 1e-9)]
        return Within(
            least=buckets[max(below)] if below else 0,
            most=buckets[min(above)] if above else 0,
            observed=buckets.get(math.inf, 0),
            # A first token is told before its answer ends, and of an answer with one token there is no time between: who was late is told, of each.
            of_all=metric == WHOLE and not self.behind,
            metric=metric,
            allowed=allowed,
        )

    def _blind(self, times: Mapping[str, Buckets | _Mean | None], blind: tuple[str, ...]) -> str:
        """Of which promised times nothing but a mean is known, and what to do; empty of none."""
        if not blind:
            return ""
        names = dict.fromkeys(mean.name for metric in blind if isinstance(mean := times[metric], _Mean))
        remedy = (
            self.remedy or "name a histogram of it in metrics.names, or of a custom server let a gateway tell it (latencyFrom: Gateway)"
        )
        told = f"the server tells of {' and '.join(blind)} a mean alone ({', '.join(names)}), and by a mean nobody knows how many requests kept a promise"
        if any(mean.part is not None for metric in blind if isinstance(mean := times[metric], _Mean)):
            told = f"the server tells of {' and '.join(blind)} a part alone ({', '.join(names)}), and nobody knows how long the whole took"
        return f"{told}: {remedy}"

    def _doubts(self, seen: Exposition) -> Iterator[str]:
        """What of the names that were given may not be meant so, a sentence each."""
        for each in dict.fromkeys((*self._counters, *(named for _, told in self.times for named in told))):
            told = next((series for part in ("", "_bucket") if (series := seen.series.get(f"{each.name}{part}"))), None)
            if told and not each.of(told):
                yield f"no series of {each.name} has {_wanted_labels(each)}{_values_there(each, told)}: where there were such requests, correct the labels in metrics.names"
        for named in dict.fromkeys(named for _, told in self.times for named in told):
            said = next((unit for ending, unit in ENDINGS.items() if named.name.endswith(ending)), self.per_second)
            if said != self.per_second:
                yield (
                    f"{named.name} counts by its name in {UNITS[said].lower()}, and is read in {UNITS.get(self.per_second, 'other').lower()}: "
                    f"set metrics.names.unit to {UNITS[said]}"
                )

    def _tokens(self, seen: Exposition) -> Tokens | None:
        if self.engine:
            every = every_token(seen)
        elif self.tokens is None:
            every = None
        else:
            prompt, output = (_sum_of(seen, each) for each in self.tokens)
            every = counted(prompt, None if self.cached is None else _sum_of(seen, self.cached), output)
        return None if every is None else Tokens(every=every, good=None)


@dataclass(frozen=True, slots=True)
class _Mean:
    """In place of a histogram: the metric that tells a mean of the time, or the histogram of a part of it."""

    name: str
    part: Histogram | None = None


def _each(seen: Exposition, counters: Iterable[Named]) -> Iterator[tuple[Labels, int]]:
    """Each series of them with its count."""
    for named in counters:
        for labels, value in named.on(seen).items():
            yield labels, whole(named.name, value)


def _counts(seen: Exposition, counters: Iterable[Named]) -> Iterator[int]:
    return (count for _, count in _each(seen, counters))


def _sum_of(seen: Exposition, named: Named) -> int | None:
    """None where the page has no such series."""
    return whole(named.name, sum(_counts(seen, (named,)))) if named.on(seen) else None


def _wanted_labels(named: Named) -> str:
    """As its owner wrote them, without what makes no pattern of a value."""
    return _ESCAPED.sub(r"\1", " and ".join(f'{label}="{" or ".join(values)}"' for label, values in named.where))


def _values_there(named: Named, series: Mapping[Labels, float]) -> str:
    """What the first of these labels that fits no series says instead, of a few."""
    alone = (Named(named.name, (one,)) for one in named.where)
    label = next((each.where[0][0] for each in alone if not each.of(series)), named.where[0][0])
    there = sorted({dict(labels).get(label, "")[:SHOWN] for labels in series})[:FEW]
    return f" (there is {label}={', '.join(repr(value) for value in there)})"


@lru_cache(maxsize=LAYOUTS)
def _edges(edges: tuple[float, ...], per_second: float) -> tuple[float, ...]:
    return tuple(edge / per_second for edge in edges)
