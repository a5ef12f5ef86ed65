"""Which metrics a server exposes and how they become a sample: Steelyard's own server, or any other by two names."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TypeAlias

from steelyard.core.economics.energy import Meters, meters
from steelyard.core.facts.batches import LARGEST, SIZES, Batches
from steelyard.core.facts.streams import Streams
from steelyard.core.facts.tokens import Counted, Tokens
from steelyard.core.statistics.histogram import Buckets, Histogram
from steelyard.observe.exposition import EDGES, SERIES, Exposition, Labels
from steelyard.observe.failure import Reason, RejectedError
from steelyard.observe.sample import Counts, Sample

CPU = "process_cpu_seconds_total"
MOST = 2**53
"""Above it a float no longer counts one by one."""
MOST_TOKENS = 2**30
"""Of one request; no model takes as many."""
MOST_SEQUENCES = 100_000
"""That a server runs at the same time."""
LAYOUTS = 64
"""Histograms whose edges and labels are remembered, of whichever pod: all replicas have the same."""
TOO_MANY = 429
FAILED = 400


@dataclass(frozen=True, slots=True)
class SteelyardMetrics:
    """Our own server: it judges each request by its own clock, so outcomes are exact."""

    path: str = "/metrics"

    REQUESTS = "steelyard_server_requests_total"
    DURATION = "steelyard_request_duration_seconds"
    BUSY = "steelyard_server_busy_seconds_total"
    REQUEST_CPU = "steelyard_server_request_cpu_seconds_total"
    """CPU time without that of probes and scrapes, which at little load would be charged to few requests."""
    RUNS = "steelyard_server_runs_total"
    RUN_ROWS = "steelyard_server_run_rows_total"
    RUN_SECONDS = "steelyard_server_run_seconds_total"
    INPUTS = "steelyard_server_batch_size_sum"
    WORKERS = "steelyard_server_workers"
    CLOCK = "steelyard_server_clock_seconds"
    START = "steelyard_server_start_time_seconds"
    INPUT = ("steelyard_request_input_tokens", "vllm:request_prompt_tokens")
    """Tokens of each request; where vLLM answers, it counts them itself."""
    OUTPUT = ("vllm:request_generation_tokens",)
    ENERGY = "steelyard_server_device_energy_joules_total"
    EVERY_INPUT = "vllm:prompt_tokens_total"
    EVERY_CACHED = ("vllm:prompt_tokens_cached_total", "vllm:prefix_cache_hits_total")
    """The first that is there. A request that waits for room in the cache may be counted by the second each time that it is tried."""
    EVERY_OUTPUT = "vllm:generation_tokens_total"
    FIRST = ("vllm:time_to_first_token_seconds",)
    BETWEEN = ("vllm:inter_token_latency_seconds", "vllm:time_per_output_token_seconds")
    """The first that is there: one is the other's older name."""
    RUNNING = ("vllm:num_requests_running",)
    WAITING = ("vllm:num_requests_waiting",)
    HELD = ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc")
    SEQUENCES = "steelyard_server_sequences"
    GOOD_INPUT = "steelyard_server_good_input_tokens_total"
    GOOD_CACHED = "steelyard_server_good_cached_input_tokens_total"
    GOOD_OUTPUT = "steelyard_server_good_output_tokens_total"

    @property
    def counter(self) -> str:
        """The metric that proves the server is observed."""
        return self.REQUESTS

    @property
    def wanted(self) -> frozenset[str]:
        """Names to keep."""
        batches = {self.RUNS, self.RUN_ROWS, self.RUN_SECONDS, self.INPUTS, self.WORKERS}
        tokens = {self.EVERY_INPUT, *self.EVERY_CACHED, self.EVERY_OUTPUT, self.GOOD_INPUT, self.GOOD_CACHED, self.GOOD_OUTPUT}
        streams = {f"{name}_{part}" for name in (*self.FIRST, *self.BETWEEN) for part in ("sum", "count")} | {
            *self.RUNNING,
            *self.WAITING,
            *self.HELD,
        }
        lengths = {f"{name}_bucket" for name in (*self.INPUT, *self.OUTPUT)}
        return frozenset(
            {
                self.REQUESTS,
                f"{self.DURATION}_bucket",
                CPU,
                self.BUSY,
                self.REQUEST_CPU,
                self.ENERGY,
                *batches,
                *lengths,
                *tokens,
                *streams,
                self.SEQUENCES,
                self.CLOCK,
                self.START,
            }
        )

    @property
    def own_labels(self) -> frozenset[str] | None:
        """Labels that are the server's and not Prometheus' own."""
        return frozenset({"outcome", "le", "size", "engine", "device"})

    def sample(self, seen: Exposition, at: datetime, content: int) -> Sample:
        """RejectedError if an outcome or the histogram is missing: a signal that is not there is not zero."""
        outcomes: dict[str, int] = {}
        for labels, value in seen.series.get(self.REQUESTS, {}).items():
            name = dict(labels).get("outcome", "")
            if name in outcomes:
                raise RejectedError(Reason.DUPLICATE, f'has {self.REQUESTS}{{outcome="{name[:32]}"}} twice')
            outcomes[name] = whole(self.REQUESTS, value)
        expected = {"good", "slow", "error", "shed"}
        if not expected <= outcomes.keys():
            raise RejectedError(Reason.MISSING, f"has no {self.REQUESTS} with each of the outcomes good, slow, error and shed")
        if outcomes.keys() - expected:
            raise RejectedError(Reason.LABEL, f"has {self.REQUESTS} with an outcome that is none of good, slow, error and shed")
        start = _single(seen, self.START)
        if start is None:
            raise RejectedError(Reason.MISSING, f"has no {self.START}")
        good, answered = outcomes["good"], outcomes["good"] + outcomes["slow"]
        return Sample(
            at=at,
            counts=Counts(answered=answered, error=outcomes["error"], shed=outcomes["shed"], within=good, observed=answered),
            cpu_seconds=_first(_single(seen, self.REQUEST_CPU), _single(seen, CPU)),
            busy_seconds=_single(seen, self.BUSY),
            buckets=_buckets(seen, self.DURATION),
            start=start,
            clock=_single(seen, self.CLOCK),
            content=content,
            batches=self._batches(seen),
            input_tokens=_tokens(seen, self.INPUT),
            output_tokens=_tokens(seen, self.OUTPUT),
            meters=self._meters(seen, at),
            tokens=self._counted(seen),
            streams=self._streams(seen),
        )

    def _streams(self, seen: Exposition) -> Streams | None:
        """None where the engine does not tell how long tokens took."""
        first = _timed(seen, self.FIRST)
        between = _timed(seen, self.BETWEEN) if first is not None else None
        if first is None or between is None:
            return None
        running, held = (_first_sum(seen, names) for names in (self.RUNNING, self.HELD))
        told, sequences = running is not None and held is not None, _whole_sum(seen, self.SEQUENCES)
        return Streams(
            firsts=first[0],
            first_seconds=first[1],
            gaps=between[0],
            gap_seconds=between[1],
            running=running or 0.0 if told else 0.0,
            held=held or 0.0 if told else 0.0,
            sequences=sequences if sequences and sequences <= MOST_SEQUENCES else None,
            waiting=_first_sum(seen, self.WAITING) or 0.0,
        )

    def _meters(self, seen: Exposition, at: datetime) -> Meters | None:
        """Of the devices that the pod was given."""
        return meters(((dict(labels).get("device", ""), joules) for labels, joules in seen.series.get(self.ENERGY, {}).items()), at)

    def _counted(self, seen: Exposition) -> Tokens | None:
        """None where the engine does not count. vLLM has a series for each of its engines."""
        every = _counted(_whole_sum(seen, self.EVERY_INPUT), _first_told(seen, self.EVERY_CACHED), _whole_sum(seen, self.EVERY_OUTPUT))
        if every is None:
            return None
        good = (_whole_sum(seen, name) for name in (self.GOOD_INPUT, self.GOOD_CACHED, self.GOOD_OUTPUT))
        return Tokens(every=every, good=_counted(*good))

    def _batches(self, seen: Exposition) -> Batches | None:
        """None where the server tells nothing of them."""
        runs, rows, seconds = (_by_size(seen, name) for name in (self.RUNS, self.RUN_ROWS, self.RUN_SECONDS))
        if not (runs or rows or seconds):
            return None
        inputs, workers = _single(seen, self.INPUTS), _single(seen, self.WORKERS)
        if not runs.keys() == rows.keys() == seconds.keys() or inputs is None or workers is None:
            every = f"{self.RUNS}, {self.RUN_ROWS} and {self.RUN_SECONDS}, each of the same sizes, {self.INPUTS} and {self.WORKERS}"
            raise RejectedError(Reason.MISSING, f"has not all of {every}")
        if not 1 <= whole(self.WORKERS, workers) <= LARGEST:
            raise RejectedError(Reason.NOT_WHOLE, f"says a number of {self.WORKERS} that is not from 1 to {LARGEST}")
        sizes = tuple(sorted(runs))
        return Batches(
            workers=int(workers),
            sizes=sizes,
            inputs=whole(self.INPUTS, inputs),
            runs=tuple(_wholes(self.RUNS, [runs[size] for size in sizes])),
            rows=tuple(_wholes(self.RUN_ROWS, [rows[size] for size in sizes])),
            seconds=tuple([seconds[size] for size in sizes]),
        )


@dataclass(frozen=True, slots=True)
class CustomMetrics:
    """Any other server: the names that its owner gave, and the objective in seconds to judge by.

    Without a bucket edge at the objective the next lower edge counts: the lower end of what may have been good.
    """

    request_counter: str
    latency_histogram: str
    objective_seconds: float
    status_label: str | None = None
    path: str = "/metrics"

    START = "process_start_time_seconds"

    @property
    def counter(self) -> str:
        """The metric that proves the server is observed."""
        return self.request_counter

    @property
    def wanted(self) -> frozenset[str]:
        """Names to keep."""
        return frozenset({self.request_counter, f"{self.latency_histogram}_bucket", self.latency_histogram, CPU, self.START})

    @property
    def own_labels(self) -> frozenset[str] | None:
        """Not known: any label may be the server's."""
        return None

    def sample(self, seen: Exposition, at: datetime, content: int) -> Sample:
        """RejectedError if counter or histogram is neither there nor declared, or a status is not an HTTP status."""
        if self.request_counter not in seen.series and self.request_counter not in seen.declared:
            raise RejectedError(Reason.MISSING, f"has no {self.request_counter}")
        answered = error = shed = 0
        for labels, value in seen.series.get(self.request_counter, {}).items():
            count = whole(self.request_counter, value)
            status = 200 if self.status_label is None else _status(dict(labels).get(self.status_label), self.status_label)
            if status == TOO_MANY:
                shed += count
            elif status >= FAILED:
                error += count
            else:
                answered += count
        buckets = _buckets(seen, self.latency_histogram)
        return Sample(
            at=at,
            counts=Counts(
                answered=answered,
                error=error,
                shed=shed,
                within=_within(buckets, self.objective_seconds),
                observed=buckets.get(math.inf, 0),
            ),
            cpu_seconds=_single(seen, CPU),
            busy_seconds=None,
            buckets=buckets,
            start=_single(seen, self.START),
            clock=None,
            content=content,
        )


Contract: TypeAlias = SteelyardMetrics | CustomMetrics

STEELYARD = SteelyardMetrics()


def whole(name: str, value: float) -> int:
    """A count."""
    if value != math.floor(value) or value > MOST:
        raise RejectedError(Reason.NOT_WHOLE, f"says a count of {name} that is not a whole number")
    return int(value)


def _wholes(name: str, values: list[float]) -> list[int]:
    """Counts."""
    counts = list(map(int, values))
    return counts if counts == values and max(counts, default=0) <= MOST else [whole(name, value) for value in values]


def _single(seen: Exposition, name: str) -> float | None:
    series = seen.series.get(name)
    if series is None:
        return None
    if len(series) != 1:
        raise RejectedError(Reason.DUPLICATE, f"has more than one series of {name}")
    return next(iter(series.values()))


def _whole_sum(seen: Exposition, name: str) -> int | None:
    """A count over all series of the metric; None without any."""
    series = seen.series.get(name)
    return whole(name, sum(whole(name, value) for value in series.values())) if series else None


def _first_sum(seen: Exposition, names: Iterable[str]) -> float | None:
    """Of several metrics that tell the same, the first that is there: over all of its series."""
    return next((sum(series.values()) for name in names if (series := seen.series.get(name))), None)


def _timed(seen: Exposition, names: Iterable[str]) -> tuple[int, float] | None:
    """(how many, seconds in all) of the first of these histograms that is there."""
    told = ((_whole_sum(seen, f"{name}_count"), _first_sum(seen, (f"{name}_sum",))) for name in names)
    return next(((count, seconds) for count, seconds in told if count is not None and seconds is not None), None)


def _first_told(seen: Exposition, names: Iterable[str]) -> int | None:
    """Of several metrics that tell the same, the first that is there."""
    return next((count for count in (_whole_sum(seen, name) for name in names) if count is not None), None)


def _counted(prompt: int | None, cached: int | None, output: int | None) -> Counted | None:
    """None where one of the two is not told."""
    return None if prompt is None or output is None else Counted(input=prompt, cached=cached, output=output)


def _by_size(seen: Exposition, name: str) -> dict[int, float]:
    """Series of the metric by their label `size`."""
    series = seen.series.get(name, {})
    return dict(zip(_sizes(name, tuple(series)), series.values(), strict=True))


@lru_cache(maxsize=LAYOUTS)
def _sizes(name: str, series: tuple[Labels, ...]) -> tuple[int, ...]:
    found: dict[int, None] = {}
    for labels in series:
        text = dict(labels).get("size", "")
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST)) and 1 <= int(text) <= LARGEST):
            raise RejectedError(Reason.LABEL, f"has {name} with a size that is not a number from 1 to {LARGEST}")
        if int(text) in found:
            raise RejectedError(Reason.DUPLICATE, f"has {name} twice for the size {int(text)}")
        found[int(text)] = None
        if len(found) > SIZES:
            raise RejectedError(Reason.TOO_MANY, f"has more than {SIZES} sizes of {name}: let the server compile fewer batch sizes")
    return tuple(found)


def _status(text: str | None, label: str) -> int:
    """Of "404" or "4xx"."""
    if text is not None and len(text) == 3 and text.isascii() and text[0] in "12345" and (text[1:].isdigit() or text[1:] in {"xx", "XX"}):
        return int(text[0]) * 100 if text[1] in "xX" else int(text)
    raise RejectedError(Reason.LABEL, f"has a request counter whose label {label} is not an HTTP status")


def _within(buckets: Buckets, objective: float) -> int:
    edges = [edge for edge in buckets if edge <= objective * (1 + 1e-9)]
    return buckets[max(edges)] if edges else 0


def _buckets(seen: Exposition, name: str) -> Buckets:
    """Buckets summed over all label sets, each checked first."""
    series = seen.series.get(f"{name}_bucket")
    if series is None:
        if name in seen.declared:
            return {}
        raise RejectedError(Reason.MISSING, f"has no histogram {name}")
    layout = _layout if len(series) <= EDGES else _layout.__wrapped__
    edges, places = layout(name, tuple(series))
    counts = _wholes(name, list(series.values()))
    sets = [[counts[place] for place in of_set] for of_set in places]
    for of_set in sets:
        if sorted(of_set) != of_set:
            raise RejectedError(Reason.BUCKETS, f"has a histogram {name} whose buckets are not cumulative")
    return Histogram(edges, sets[0] if len(sets) == 1 else list(map(sum, zip(*sets, strict=True))))


@lru_cache(maxsize=LAYOUTS)
def _layout(name: str, series: tuple[Labels, ...]) -> tuple[tuple[float, ...], tuple[tuple[int, ...], ...]]:
    """(edges, rising; for each set of other labels the places of their counts among the series). RejectedError if it is no histogram."""
    by_set: dict[Labels, dict[float, int]] = {}
    for place, labels in enumerate(series):
        rest = tuple(pair for pair in labels if pair[0] != "le")
        edge = _edge(name, dict(labels).get("le"))
        of_set = by_set.setdefault(rest, {})
        if edge in of_set:
            raise RejectedError(Reason.DUPLICATE, f"has the same bucket of {name} twice")
        of_set[edge] = place
        if len(by_set) > SERIES:
            raise RejectedError(Reason.TOO_MANY, f"has more than {SERIES} series of {name}: let the server give it fewer labels")
        if len(of_set) > EDGES:
            raise RejectedError(Reason.TOO_MANY, f"has a histogram {name} of more than {EDGES} buckets: let the server have fewer")
    edges = {frozenset(each) for each in by_set.values()}
    if len(edges) != 1 or math.inf not in next(iter(edges)):
        raise RejectedError(Reason.BUCKETS, f"has a histogram {name} without the same edges up to +Inf in all its series")
    rising = tuple(sorted(next(iter(edges))))
    return rising, tuple(tuple(each[edge] for edge in rising) for each in by_set.values())


def _tokens(seen: Exposition, names: Iterable[str]) -> Buckets | None:
    """The first of these histograms that is there."""
    name = next((each for each in names if f"{each}_bucket" in seen.series), None)
    if name is None:
        return None
    buckets = _buckets(seen, name)
    if not _are_tokens(tuple(buckets)):
        raise RejectedError(Reason.BUCKETS, f"has a histogram {name} with an edge that is no number of tokens")
    return buckets or None


@lru_cache(maxsize=LAYOUTS)
def _are_tokens(edges: tuple[float, ...]) -> bool:
    return all(edge == math.inf or (1 <= edge <= MOST_TOKENS and edge == math.floor(edge)) for edge in edges)


def _edge(name: str, text: str | None) -> float:
    try:
        edge = float(text or "nan")
    except ValueError:
        edge = math.nan
    if math.isnan(edge):
        raise RejectedError(Reason.LABEL, f"has a bucket of {name} without an edge")
    return edge


def _first(better: float | None, other: float | None) -> float | None:
    """The better figure where the server has it."""
    return other if better is None else better
