"""Which metrics Steelyard's own server exposes, and how they become a sample. Others: `named_metrics`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from steelyard.core.economics.energy import Meters, meters
from steelyard.core.facts.batches import LARGEST, Batches
from steelyard.core.facts.missed import Missed
from steelyard.core.facts.missed_columns import METRICS
from steelyard.core.facts.streams import Streams
from steelyard.core.facts.tokens import Tokens
from steelyard.observe.engine import EVERY_NAME, INPUT, OUTPUT, counted, every_token, streams_of
from steelyard.observe.exposition import Exposition
from steelyard.observe.failure import Reason, RejectedError
from steelyard.observe.named_metrics import NamedMetrics
from steelyard.observe.on_page import buckets_of, by_size, first_of, first_sum, single, tokens_of_each, whole, whole_sum, wholes
from steelyard.observe.sample import Counts, Sample

CPU = "process_cpu_seconds_total"
_PERCENT = re.compile(r"[0-9]{1,2}(?:[.][0-9]{1,6})?")
ALL = 100
MOST_SEQUENCES = 100_000
"""That a server runs at the same time."""


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
    INPUT = ("steelyard_request_input_tokens", *INPUT)
    """Tokens of each request; where vLLM answers, it counts them itself."""
    OUTPUT = OUTPUT
    ENERGY = "steelyard_server_device_energy_joules_total"
    LATE = "steelyard_server_late_requests_total"
    """Answered requests that missed a promise, by its time and percent, where several are promised."""
    SEQUENCES = "steelyard_server_sequences"
    GOOD_INPUT = "steelyard_server_good_input_tokens_total"
    GOOD_CACHED = "steelyard_server_good_cached_input_tokens_total"
    GOOD_OUTPUT = "steelyard_server_good_output_tokens_total"

    @property
    def counter(self) -> str:
        """The metric that proves the server is observed."""
        return self.REQUESTS

    @property
    def proofs(self) -> frozenset[str]:
        """Metrics of which any proves it."""
        return frozenset({self.REQUESTS})

    @property
    def wanted(self) -> frozenset[str]:
        """Names to keep."""
        batches = {self.RUNS, self.RUN_ROWS, self.RUN_SECONDS, self.INPUTS, self.WORKERS}
        lengths = {f"{name}_bucket" for name in (*self.INPUT, *self.OUTPUT)}
        return frozenset(
            {
                self.REQUESTS,
                f"{self.DURATION}_bucket",
                f"{self.DURATION}_sum",
                CPU,
                self.BUSY,
                self.REQUEST_CPU,
                self.ENERGY,
                *batches,
                *lengths,
                *EVERY_NAME,
                self.GOOD_INPUT,
                self.GOOD_CACHED,
                self.GOOD_OUTPUT,
                self.SEQUENCES,
                self.LATE,
                self.CLOCK,
                self.START,
            }
        )

    @property
    def own_labels(self) -> frozenset[str] | None:
        """Labels that are the server's and not Prometheus' own."""
        return frozenset({"outcome", "le", "size", "engine", "device", "metric", "percent"})

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
        start = single(seen, self.START)
        if start is None:
            raise RejectedError(Reason.MISSING, f"has no {self.START}")
        good, answered = outcomes["good"], outcomes["good"] + outcomes["slow"]
        buckets = buckets_of(seen, self.DURATION)
        return Sample(
            at=at,
            counts=Counts(
                answered=answered,
                error=outcomes["error"],
                shed=outcomes["shed"],
                within=good,
                observed=answered,
                late=self._late(seen, outcomes["slow"]),
            ),
            cpu_seconds=first_of(single(seen, self.REQUEST_CPU), single(seen, CPU)),
            busy_seconds=single(seen, self.BUSY),
            buckets=buckets,
            took_seconds=first_sum(seen, (f"{self.DURATION}_sum",)) if buckets else 0.0,
            start=start,
            clock=single(seen, self.CLOCK),
            content=content,
            batches=self._batches(seen),
            input_tokens=tokens_of_each(seen, self.INPUT),
            output_tokens=tokens_of_each(seen, self.OUTPUT),
            meters=self._meters(seen, at),
            tokens=self._counted(seen),
            streams=self._streams(seen),
        )

    def _streams(self, seen: Exposition) -> Streams | None:
        """None where the engine does not tell how long tokens took."""
        sequences = whole_sum(seen, self.SEQUENCES)
        return streams_of(seen, sequences if sequences and sequences <= MOST_SEQUENCES else None)

    def _late(self, seen: Exposition, slow: int) -> tuple[Missed, ...]:
        """Of several promises each by itself. A count beyond the slow requests is of other requests than theirs."""
        found: dict[str, Missed] = {}
        for labels, value in seen.series.get(self.LATE, {}).items():
            metric, percent = dict(labels).get("metric", ""), _percent(dict(labels).get("percent", ""))
            if metric not in METRICS or metric in found or percent is None:
                raise RejectedError(
                    Reason.LABEL, f"has {self.LATE} of a time that is none of {', '.join(METRICS)}, twice, or without a percent"
                )
            found[metric] = Missed(metric, min(slow, whole(self.LATE, value)), 0, 1.0 - percent / 100.0)
        return tuple(found[metric] for metric in METRICS if metric in found)

    def _meters(self, seen: Exposition, at: datetime) -> Meters | None:
        """Of the devices that the pod was given."""
        return meters(((dict(labels).get("device", ""), joules) for labels, joules in seen.series.get(self.ENERGY, {}).items()), at)

    def _counted(self, seen: Exposition) -> Tokens | None:
        """None where the engine does not count."""
        every = every_token(seen)
        if every is None:
            return None
        return Tokens(every=every, good=counted(*(whole_sum(seen, name) for name in (self.GOOD_INPUT, self.GOOD_CACHED, self.GOOD_OUTPUT))))

    def _batches(self, seen: Exposition) -> Batches | None:
        """None where the server tells nothing of them."""
        runs, rows, seconds = (by_size(seen, name) for name in (self.RUNS, self.RUN_ROWS, self.RUN_SECONDS))
        if not (runs or rows or seconds):
            return None
        inputs, workers = single(seen, self.INPUTS), single(seen, self.WORKERS)
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
            runs=tuple(wholes(self.RUNS, [runs[size] for size in sizes])),
            rows=tuple(wholes(self.RUN_ROWS, [rows[size] for size in sizes])),
            seconds=tuple([seconds[size] for size in sizes]),
        )


def _percent(text: str) -> float | None:
    """None of what is no percent below 100."""
    return float(text) if _PERCENT.fullmatch(text) and 0 < float(text) < ALL else None


Contract: TypeAlias = SteelyardMetrics | NamedMetrics

STEELYARD = SteelyardMetrics()
