"""What panels show and alerts tell is what was counted: a real Prometheus that watched the operator's own metrics, and knew some counters from their first
value on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from chart.local_prometheus import program, prometheus
from chart.queries import alerts, ask, dashboard, queries
from cluster.waiting import wait_until
from patience import PATIENCE
from steelyard.control.kube.reader import Reader
from steelyard.control.kube.resource import ACCELERATOR_TRIALS
from steelyard.control.kube.store import Store
from steelyard.control.telemetry.metrics import Gauges, Metrics, Sample
from steelyard.control.telemetry.trial_gauges import trial_gauges
from unit.control.virtual_time import ManualClock

PAGE = ("shop", "embedder", "inf2")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


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


PERIOD = 3600.0
DRILLS = {
    "proven-late": {"wanted": 9.0, "gaudi": 2.1},
    "proven-in-time": {"wanted": 9.0, "gaudi": 1.9},
    "proven-late-and-in-time": {"wanted": 9.0, "gaudi": 2.1, "tpu": 0.1},
    "never-proven": {"wanted": 2.1},
    "asked-for-lately": {"wanted": 1.9},
}
"""By workload: how many periods ago a proof was wanted first, and one was found for a family."""


def test_a_way_out_that_was_proven_more_than_two_periods_ago_or_never_is_told(tmp_path: Path) -> None:
    found = program()
    if found is None:
        pytest.skip("no prometheus here: python -m cluster build prometheus")
    now, samples = time.time(), []
    for name, moments in DRILLS.items():
        samples.append(Sample("steelyard_exit_drill_period_seconds", ("shop", name), PERIOD))
        for what, periods in moments.items():
            family, labels = ("wanted", ()) if what == "wanted" else ("proven", ("cpu", what))
            samples.append(Sample(f"steelyard_exit_drill_{family}_timestamp_seconds", ("shop", name, *labels), now - periods * PERIOD))
    metrics = Metrics()
    metrics.gauges.publish("workloads", Gauges(tuple(samples)))
    (expr,) = (rule["expr"] for rule in alerts() if rule["alert"] == "SteelyardExitProofStale")
    with exposed(metrics) as address, prometheus(found, tmp_path, address) as url:
        wait_until("a scrape", lambda: len(ask(url, "steelyard_exit_drill_period_seconds")) == len(DRILLS), seconds=PATIENCE)
        told = [one["metric"] for one in ask(url, expr)]
    assert sorted(one["workload"] for one in told) == ["never-proven", "proven-late"]
    assert {one["namespace"] for one in told} == {"shop"}, "its labels are those that the summary names"


def test_a_trial_that_goes_on_shows_what_is_reserved_and_spent(tmp_path: Path) -> None:
    found = program()
    if found is None:
        pytest.skip("no prometheus here: python -m cluster build prometheus")
    store, metrics = Store(ManualClock()), Metrics()
    meta = {"namespace": "shop", "name": "half", "uid": "u", "resourceVersion": "1"}
    status = {"reserved": "1.84", "spent": "0.62"}
    store.wrote(ACCELERATOR_TRIALS, {"metadata": meta, "spec": {"workloadName": "embedder", "budget": "2.00"}, "status": status})
    metrics.gauges.publish("trials", trial_gauges(store, Reader(lambda *_: None), NOW, metrics.currency))
    [panel] = [query for query in queries(dashboard(), ()) if query.where == "panel Money for AcceleratorTrials and exit drills (USD), A"]
    with exposed(metrics) as address, prometheus(found, tmp_path, address) as url:
        shown = wait_until("the money of the trial", lambda: ask(url, panel.expr), seconds=PATIENCE)
    told = {(one["metric"]["trial"], one["metric"]["part"]): float(one["value"][1]) for one in shown}
    assert told == {("half", "budget"): 2.0, ("half", "reserved"): 1.84, ("half", "spent"): 0.62}
