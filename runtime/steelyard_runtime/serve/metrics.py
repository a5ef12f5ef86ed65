"""What the server counts. Golden requests and probes never pass here."""

import time
from collections import Counter as Tally
from datetime import UTC, datetime

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from steelyard_runtime.serve.outcome import Outcome

LADDER = (1, 2.5, 5, 10, 25, 50, 75, 100, 150, 200, 300, 400, 600, 800, 1200, 1600, 2400, 3200, 5000, 10000, 30000)
"""Milliseconds; each objective becomes an edge of its own besides."""


class Metrics:
    """The registry behind /metrics, and the final counts for the termination message."""

    def __init__(self, objectives: tuple[float, ...]) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self.started = datetime.now(UTC)
        self._objectives = objectives
        self._outcomes: Tally[Outcome] = Tally()
        self._tokens = 0
        edges = tuple(sorted({milliseconds / 1000 for milliseconds in (*LADDER, *objectives)}))
        registry = self.registry
        self._requests = Counter("steelyard_server_requests_total", "Users' requests by outcome.", ["outcome"], registry=registry)
        for outcome in Outcome:  # a counter that appears with its first event hides that event from rate()
            self._requests.labels(str(outcome))
        self._rejected = Counter(
            "steelyard_server_rejected_total", "Requests refused for the client's own error (4xx but 429).", ["code"], registry=registry
        )
        self._duration = Histogram(
            "steelyard_request_duration_seconds",
            "From the request's head to its answer, of requests answered without an error (good and slow). Every objective is an edge.",
            buckets=edges,
            registry=registry,
        )
        self.batch_size = Histogram(
            "steelyard_server_batch_size", "Inputs in one run of the engine.", buckets=(1, 2, 4, 8, 16, 32, 64, 128), registry=registry
        )
        self.queue_seconds = Histogram(
            "steelyard_server_queue_seconds",
            "Time an input waited for the engine, tokenisation included.",
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8),
            registry=registry,
        )
        self.padding = Counter("steelyard_server_padding_tokens_total", "Tokens computed only to fill a bucket.", registry=registry)
        self.truncated = Counter(
            "steelyard_server_truncated_inputs_total", "Inputs cut at the longest compiled sequence.", registry=registry
        )
        self._token_count = Counter("steelyard_server_tokens_total", "Tokens of answered requests.", ["direction"], registry=registry)
        self._token_count.labels("input")
        self._info = Gauge(
            "steelyard_server_info",
            "What is served; always 1.",
            ["model", "task", "backend", "target", "dtype", "artifact"],
            registry=registry,
        )
        Gauge("steelyard_server_start_time_seconds", "When the server started, in Unix seconds.", registry=registry).set(
            self.started.timestamp()
        )
        self.in_flight = Gauge("steelyard_server_in_flight", "Users' requests being answered.", registry=registry)
        self.ready = Gauge("steelyard_server_ready", "1 while the server is ready.", registry=registry)
        self.busy = Counter("steelyard_server_busy_seconds_total", "Time the engine was computing, summed over workers.", registry=registry)
        self.request_cpu = Counter(
            "steelyard_server_request_cpu_seconds_total",
            "CPU time of the process without what probes and scrapes take: that is no request's doing.",
            registry=registry,
        )
        # A reader sees by it that the exposition is alive: a counter that stands still may just be idle.
        Gauge("steelyard_server_clock_seconds", "The server's time at this scrape, in Unix seconds.", registry=registry).set_function(
            time.time
        )
        ProcessCollector(registry=registry)

    def served(self, *, model: str, task: str, backend: str, target: str, dtype: str, artifact: str) -> None:
        """Say what is served, once it is loaded."""
        self._info.labels(model, task, backend, target, dtype, artifact).set(1)

    def count(self, outcome: Outcome, seconds: float, tokens: int) -> None:
        """Count one user's request; `tokens` of its input."""
        self._outcomes[outcome] += 1
        self._requests.labels(str(outcome)).inc()
        if outcome in (Outcome.GOOD, Outcome.SLOW):
            self._duration.observe(seconds)
            self._token_count.labels("input").inc(tokens)
            self._tokens += tokens

    def reject(self, status: int) -> None:
        """Count one refusal."""
        self._rejected.labels(str(status)).inc()

    def exposition(self) -> bytes:
        """Return the text format."""
        return prometheus_client.generate_latest(self.registry)

    def final(self) -> dict[str, object]:
        """Return the termination message."""
        return {
            "final": {
                "requests": {str(outcome): self._outcomes[outcome] for outcome in Outcome},
                "tokens": {"input": self._tokens},
                "startedAt": _iso(self.started),
                "endedAt": _iso(datetime.now(UTC)),
            }
        }


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
