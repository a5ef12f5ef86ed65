"""What every server counts of users' requests, whatever answers them. Golden requests and probes never pass here."""

import time
from collections import Counter as Tally
from datetime import UTC, datetime

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from steelyard_runtime.serve.outcome import Outcome

LADDER = (1, 2.5, 5, 10, 25, 50, 75, 100, 150, 200, 300, 400, 600, 800, 1200, 1600, 2400, 3200, 5000, 10000, 30000)
"""Milliseconds; each objective becomes an edge of its own besides."""
LENGTHS = tuple(2**power for power in range(18))
"""Tokens of one request, by powers of two; what is longer than the last counts for +Inf."""


def length_histogram(direction: str, registry: CollectorRegistry) -> Histogram:
    """How long requests are, `input` or `output`: what a probe on another pool sends is as long. Never what they say."""
    return Histogram(
        f"steelyard_request_{direction}_tokens",
        f"Tokens of a request's {direction}, of requests answered without an error.",
        buckets=LENGTHS,
        registry=registry,
    )


class RequestMetrics:
    """Outcomes and durations, with the final counts for the termination message. `objectives`: milliseconds end to end."""

    def __init__(self, objectives: tuple[float, ...]) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        self.started = datetime.now(UTC)
        self._outcomes: Tally[Outcome] = Tally()
        edges = tuple(sorted({milliseconds / 1000 for milliseconds in (*LADDER, *objectives)}))
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
        Gauge("steelyard_server_start_time_seconds", "When the server started, in Unix seconds.", registry=registry).set(
            self.started.timestamp()
        )
        self.in_flight = Gauge("steelyard_server_in_flight", "Users' requests being answered.", registry=registry)
        # A reader sees by it that the exposition is alive: a counter that stands still may just be idle.
        Gauge("steelyard_server_clock_seconds", "The server's time at this scrape, in Unix seconds.", registry=registry).set_function(
            time.time
        )

    def record(self, outcome: Outcome, seconds: float) -> None:
        """Count one user's request."""
        self._outcomes[outcome] += 1
        self._requests.labels(str(outcome)).inc()
        if outcome in (Outcome.GOOD, Outcome.SLOW):
            self._duration.observe(seconds)

    def reject(self, status: int) -> None:
        """Count one refusal."""
        self._rejected.labels(str(status)).inc()

    def exposition(self) -> bytes:
        """Return the text format."""
        return prometheus_client.generate_latest(self.registry)

    def final_counts(self) -> dict[str, object]:
        """Return the counts as the termination message holds them."""
        return {
            "requests": {str(outcome): self._outcomes[outcome] for outcome in Outcome},
            "startedAt": _iso(self.started),
            "endedAt": _iso(datetime.now(UTC)),
        }


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
