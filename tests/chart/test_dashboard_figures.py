"""What panels show is what was counted: a real Prometheus that watched the operator's own counters, and knew some of them from their first value on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from chart.local_prometheus import program, prometheus
from chart.queries import ask, dashboard, queries
from cluster.waiting import wait_until
from patience import PATIENCE
from steelyard.control.telemetry.metrics import Gauges, Metrics, Sample

PAGE = ("shop", "embedder", "inf2")


@contextmanager
def exposed(metrics: Metrics) -> Iterator[str]:
    """Host and port of their page."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = metrics.page()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_what_happened_once_is_one_and_the_budget_is_what_was_missed_of_what_is_allowed(tmp_path: Path) -> None:
    found = program()
    if found is None:
        pytest.skip("no prometheus here: python -m cluster build prometheus")
    metrics = Metrics()
    metrics.gauges.publish("workloads", Gauges((Sample("steelyard_objective_allowed_ratio", PAGE[:2], 0.01),)))
    metrics.count("steelyard_workload_requests", (*PAGE, "good"), 940)
    asked = {query.where: query.expr for query in queries(dashboard(), ())}
    with exposed(metrics) as address, prometheus(found, tmp_path, address) as url:

        def scraped(expr: str) -> None:
            wait_until(expr, lambda: ask(url, expr), seconds=PATIENCE)

        def shows(panel: str) -> list[float]:
            return [float(one["value"][1]) for one in ask(url, asked[f"panel {panel}, A"])]

        scraped("steelyard_workload_requests_total")
        assert shows("Error budget that is used within the time shown") == [0.0], "nothing was missed, which is known"
        # All of this appears with its first value: there is no scrape before from which it grew.
        metrics.count("steelyard_workload_requests", (*PAGE, "slow"), 30)
        metrics.count("steelyard_workload_requests", ("shop", "embedder", "inf2", "shed"), 30)
        metrics.count("steelyard_decisions", ("Move", "StepStarted"))
        metrics.measure("steelyard_move_duration_seconds", 600, ("Moved",))
        metrics.measure("steelyard_compile_duration_seconds", 42, ("openvino", "Built"))
        scraped("steelyard_compile_duration_seconds_count")
        assert shows("Decisions by verdict and reason, an hour") == [1.0]
        assert shows("Moves that ended within the time shown, by outcome") == [1.0]
        assert shows("Error budget that is used within the time shown") == [pytest.approx(60 / 1000 / 0.01)]
        assert 30 <= shows("Time of a compile: median and 95 %")[0] <= 60, "within the bucket that 42 s are in"
