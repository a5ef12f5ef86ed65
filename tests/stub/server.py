"""A played model server: the metrics contract of the real one, with traffic that the test decides and a processor that can be too small.

`tests/unit/stub` compares it with the real server and with what the operator reads.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import web

from steelyard_runtime.serve.request_metrics import LENGTHS

OBJECTIVE_SECONDS = 0.6
BUCKETS = (0.05, 0.1, 0.2, 0.4, OBJECTIVE_SECONDS, 1.0, 2.0)
PLANNED = 0.7
"""Part of its processor that the operator plans with."""
SATURATED = 0.8
"""Part of its processor at which a queue begins to grow: a little above what is planned, as in life."""
QUEUE_SECONDS = 2.0
"""Work that the queue holds; what comes beyond is shed."""
STALL_SECONDS = 30.0
TOKENS = 40
"""Of each request."""


@dataclass(slots=True)
class Behaviour:
    """How a pool's servers behave. `cpu_seconds`: CPU time a request; `broken`: share of requests that are slow; `exposed`: what /metrics does."""

    cpu_seconds: float
    broken: float = 0.0
    exposed: str = "live"
    """live | gone (refuses) | stalled (never answers in time) | frozen (the same text for ever) | error (500)"""

    @property
    def planned(self) -> float:
        """Requests per second that the operator may ask of one server with one processor."""
        return PLANNED / self.cpu_seconds

    @property
    def saturated(self) -> float:
        """Requests per second that it can answer at all."""
        return SATURATED / self.cpu_seconds


@dataclass(slots=True)
class StubServer:
    """Counters of one pod. They advance by `serve`, in whole requests, and are read over HTTP like the real server's."""

    behaviour: Behaviour
    good: int = 0
    slow: int = 0
    shed: int = 0
    late: int = 0
    """Of the slow ones those that waited too long because the server was overloaded."""
    waiting: int = 0
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    told: int = -1
    """Requests that were counted when /metrics was last read; -1 before."""
    _credit: float = 0.0
    _broken: float = 0.0
    _frozen: str = ""

    def serve(self, arrived: int, seconds: float) -> None:
        """So many requests arrived within so many seconds, in which the processor worked."""
        before = self.waiting
        self.waiting += arrived
        self._credit += self.behaviour.saturated * seconds
        answered = min(self.waiting, int(self._credit))
        self.waiting -= answered
        # Time in which nobody waited is not saved up.
        self._credit = self._credit - answered if self.waiting else 0.0
        if before > OBJECTIVE_SECONDS * self.behaviour.saturated:
            self.late += answered
            self.slow += answered
        else:
            self._broken += answered * self.behaviour.broken
            slow, self._broken = divmod(self._broken, 1.0)
            self.slow += int(slow)
            self.good += answered - int(slow)
        refused = max(0, self.waiting - int(QUEUE_SECONDS * self.behaviour.saturated))
        self.waiting -= refused
        self.shed += refused

    @property
    def counts(self) -> dict[str, int]:
        """Requests by outcome."""
        return {"good": self.good, "slow": self.slow, "error": 0, "shed": self.shed}

    @property
    def final(self) -> dict[str, object]:
        """The termination message."""
        return {
            "final": {
                "requests": self.counts,
                "tokens": {"input": 0},
                "startedAt": _iso(self.started),
                "endedAt": _iso(datetime.now(UTC)),
            }
        }

    def exposition(self) -> str:
        """What /metrics says now."""
        if self.behaviour.exposed == "frozen" and self._frozen:
            return self._frozen
        good, answered = self.good, self.good + self.slow
        cpu = answered * self.behaviour.cpu_seconds
        lines = ["# TYPE steelyard_server_requests_total counter"]
        lines += [f'steelyard_server_requests_total{{outcome="{outcome}"}} {n}' for outcome, n in self.counts.items()]
        lines += ["# TYPE steelyard_request_duration_seconds histogram"]
        lines += [
            f'steelyard_request_duration_seconds_bucket{{le="{edge}"}} {0 if edge < 0.1 else good if edge < 1.0 else answered}'
            for edge in BUCKETS
        ]
        lines += [f'steelyard_request_duration_seconds_bucket{{le="+Inf"}} {answered}']
        lines += [
            f"steelyard_request_duration_seconds_sum {good * 0.1 + self.slow * 0.8}",
            f"steelyard_request_duration_seconds_count {answered}",
        ]
        lines += ["# TYPE steelyard_request_input_tokens histogram"]
        edges = [*((str(edge), edge) for edge in LENGTHS), ("+Inf", TOKENS)]
        lines += [f'steelyard_request_input_tokens_bucket{{le="{told}"}} {answered if edge >= TOKENS else 0}' for told, edge in edges]
        lines += ["# TYPE steelyard_server_busy_seconds_total counter", f"steelyard_server_busy_seconds_total {cpu:.6f}"]
        # One request at a time, and nothing else to compute.
        for told, value in (("runs", answered), ("run_rows", answered), ("run_seconds", f"{cpu:.6f}")):
            lines += [f"# TYPE steelyard_server_{told}_total counter", f'steelyard_server_{told}_total{{size="1"}} {value}']
        lines += ["# TYPE steelyard_server_batch_size histogram", f"steelyard_server_batch_size_sum {answered}"]
        lines += ["# TYPE steelyard_server_workers gauge", "steelyard_server_workers 1"]
        lines += ["# TYPE steelyard_server_request_cpu_seconds_total counter", f"steelyard_server_request_cpu_seconds_total {cpu:.6f}"]
        lines += ["# TYPE process_cpu_seconds_total counter", f"process_cpu_seconds_total {cpu:.6f}"]
        lines += ["# TYPE steelyard_server_clock_seconds gauge", f"steelyard_server_clock_seconds {time.time():.6f}"]
        lines += ["# TYPE steelyard_server_start_time_seconds gauge", f"steelyard_server_start_time_seconds {self.started.timestamp()}"]
        text = "\n".join(lines) + "\n"
        self._frozen = self._frozen if self.behaviour.exposed == "frozen" else text
        return text

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        """GET /metrics."""
        if self.behaviour.exposed == "gone" and request.transport is not None:
            request.transport.abort()  # a connection that was kept from before
        if self.behaviour.exposed == "stalled":
            await asyncio.sleep(STALL_SECONDS)
        if self.behaviour.exposed == "error":
            return web.Response(status=500)
        self.told = sum(self.counts.values())
        return web.Response(text=self.exposition(), content_type="text/plain")


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
