"""A played model server: the metrics contract of the real one, with traffic that the test decides."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from aiohttp import web

BUCKETS = (0.05, 0.1, 0.2, 0.4, 0.6, 1.0, 2.0)
STALL_SECONDS = 30.0


@dataclass(slots=True)
class Behaviour:
    """How a pool's servers behave. `cpu_seconds`: CPU time a request; `broken`: share of requests that are slow; `exposed`: what /metrics does."""

    cpu_seconds: float
    broken: float = 0.0
    exposed: str = "live"
    """live | gone (refuses) | stalled (never answers in time) | frozen (the same text for ever) | error (500)"""


@dataclass(slots=True)
class StubServer:
    """Counters of one pod. They advance by `serve`, and are read over HTTP like the real server's."""

    behaviour: Behaviour
    good: float = 0.0
    slow: float = 0.0
    cpu: float = 0.0
    started: float = field(default_factory=time.time)
    _frozen: str = ""

    def serve(self, requests: float) -> None:
        """So many requests were answered."""
        slow = requests * self.behaviour.broken
        self.good += requests - slow
        self.slow += slow
        self.cpu += requests * self.behaviour.cpu_seconds

    @property
    def final(self) -> dict[str, object]:
        """The termination message."""
        return {"final": {"requests": {"good": int(self.good), "slow": int(self.slow), "error": 0, "shed": 0}, "tokens": {}}}

    def exposition(self) -> str:
        """What /metrics says now."""
        if self.behaviour.exposed == "frozen" and self._frozen:
            return self._frozen
        good, slow = int(self.good), int(self.slow)
        lines = ["# TYPE steelyard_server_requests_total counter"]
        lines += [
            f'steelyard_server_requests_total{{outcome="{o}"}} {n}' for o, n in (("good", good), ("slow", slow), ("error", 0), ("shed", 0))
        ]
        lines += ["# TYPE steelyard_request_duration_seconds histogram"]
        lines += [f'steelyard_request_duration_seconds_bucket{{le="{edge}"}} {good if edge < 1.0 else good + slow}' for edge in BUCKETS]
        lines += [f'steelyard_request_duration_seconds_bucket{{le="+Inf"}} {good + slow}']
        lines += [
            f"steelyard_request_duration_seconds_sum {good * 0.1 + slow * 0.8}",
            f"steelyard_request_duration_seconds_count {good + slow}",
        ]
        lines += ["# TYPE process_cpu_seconds_total counter", f"process_cpu_seconds_total {self.cpu:.6f}"]
        lines += ["# TYPE steelyard_server_clock_seconds gauge", f"steelyard_server_clock_seconds {time.time():.6f}"]
        lines += ["# TYPE steelyard_server_start_time_seconds gauge", f"steelyard_server_start_time_seconds {self.started:.3f}"]
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
        return web.Response(text=self.exposition(), content_type="text/plain")
