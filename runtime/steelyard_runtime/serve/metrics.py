"""What Steelyard's own server counts besides its requests: tokens, batches, and what the engine costs."""

import time
from collections.abc import Sequence

from prometheus_client import Counter, Gauge, Histogram, ProcessCollector

from steelyard_runtime.serve.outcome import Outcome
from steelyard_runtime.serve.request_metrics import RequestMetrics, length_histogram


class Metrics(RequestMetrics):
    """The registry behind /metrics."""

    def __init__(self, objectives: tuple[float, ...]) -> None:
        super().__init__(objectives)
        self._tokens = 0
        self._spent = 0.0
        registry = self.registry
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
        self._lengths = length_histogram("input", registry)
        self._info = Gauge(
            "steelyard_server_info",
            "What is served; always 1.",
            ["model", "task", "backend", "target", "dtype", "artifact"],
            registry=registry,
        )
        self.ready = Gauge("steelyard_server_ready", "1 while the server is ready.", registry=registry)
        self.busy = Counter("steelyard_server_busy_seconds_total", "Time the engine was computing, summed over workers.", registry=registry)
        self._runs = Counter(
            "steelyard_server_runs_total",
            "Runs of the engine, by the most inputs that a run of the size takes.",
            ["size"],
            registry=registry,
        )
        self._run_rows = Counter(
            "steelyard_server_run_rows_total",
            "Rows that the runs of the size computed, those that fill it up included.",
            ["size"],
            registry=registry,
        )
        self._run_seconds = Counter(
            "steelyard_server_run_seconds_total", "Time that the runs of the size took.", ["size"], registry=registry
        )
        self._workers = Gauge("steelyard_server_workers", "Runs of the engine that there may be at the same time.", registry=registry)
        self.request_cpu = Counter(
            "steelyard_server_request_cpu_seconds_total",
            "CPU time of the process without what probes and scrapes take: that is no request's doing.",
            registry=registry,
        )
        ProcessCollector(registry=registry)

    def served(self, *, model: str, task: str, backend: str, target: str, dtype: str, artifact: str) -> None:
        """Say what is served, once it is loaded."""
        self._info.labels(model, task, backend, target, dtype, artifact).set(1)

    def batches(self, sizes: Sequence[int], workers: int) -> None:
        """Say which sizes of runs there are, before the first one: the largest is known even where it was never needed."""
        self._workers.set(workers)
        for counter in (self._runs, self._run_rows, self._run_seconds):
            for size in sizes:
                counter.labels(str(size))

    def ran(self, size: int, rows: int, seconds: float) -> None:
        """Count one run of the engine, also one that failed: it took its time."""
        self.busy.inc(seconds)
        self._runs.labels(str(size)).inc()
        self._run_rows.labels(str(size)).inc(rows)
        self._run_seconds.labels(str(size)).inc(seconds)

    def count(self, outcome: Outcome, seconds: float, tokens: int) -> None:
        """Count one user's request; `tokens` of its input."""
        self.record(outcome, seconds)
        if outcome in (Outcome.GOOD, Outcome.SLOW):
            self._token_count.labels("input").inc(tokens)
            self._tokens += tokens
            if tokens:  # none of whoever left before the end
                self._lengths.observe(tokens)

    async def expose(self, *, ready: bool) -> bytes:
        """Return the text format. The thread that asks does nothing but probes and scrapes, so its CPU time is what they cost."""
        self.ready.set(ready)
        spent = time.process_time() - time.thread_time()
        self.request_cpu.inc(max(0.0, spent - self._spent))
        self._spent = max(spent, self._spent)
        return self.exposition()

    def final(self) -> dict[str, object]:
        """Return the termination message."""
        return {"final": {**self.final_counts(), "tokens": {"input": self._tokens}}}
