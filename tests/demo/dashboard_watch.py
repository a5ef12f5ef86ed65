"""A real Prometheus beside the demo: at the end it is asked every query of the chart's dashboard and alerts.

It reads the leader's page by way of this process, which reads it by way of the API server: nothing in the cluster is opened for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from chart.local_prometheus import prometheus
from chart.queries import EMPTY_BY_DESIGN, Empty, alerts, dashboard, queries, unanswered
from steelyard.cli.problem import Problem

SCRAPE_SECONDS = 5
_STAYS = Empty("the workload only observes: a trial moves nothing")
AFTER_A_TRIAL: Mapping[str, Empty] = {
    **EMPTY_BY_DESIGN,
    "panel Moves under way, by step, A": _STAYS,
    "annotation Moves": _STAYS,
    "panel Moves that ended within the time shown, by outcome, A": _STAYS,
    "panel Weighed moves: saving over cost, median, A": Empty(
        "what a move would save is not known: users' requests measure one of the pools alone"
    ),
}
"""What may be empty after a run that only tries, as EMPTY_BY_DESIGN after one that moves."""


class _Relay(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, page: Callable[[], Iterable[str]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.page = page


class _Handler(BaseHTTPRequestHandler):
    server: _Relay

    def do_GET(self) -> None:
        try:
            body = "".join(f"{line}\n" for line in self.server.page()).encode()
        except Problem as problem:
            self.send_error(503, problem.what.splitlines()[0])
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class DashboardWatch:
    """What the dashboard shows of this run."""

    def __init__(self, url: str) -> None:
        self.url = url

    def wrong(self, may_be_empty: Mapping[str, Empty] = EMPTY_BY_DESIGN) -> tuple[int, list[str]]:
        """How many queries were asked, and a line for each that has no answer and is not empty by design."""
        asked = list(queries(dashboard(), alerts()))
        return len(asked), unanswered(self.url, asked, may_be_empty)


@contextmanager
def watching(program: Path, page: Callable[[], Iterable[str]], folder: Path, seconds: int = SCRAPE_SECONDS) -> Iterator[DashboardWatch]:
    """While it is entered, the page is scraped."""
    with _Relay(page) as relay:
        threading.Thread(target=relay.serve_forever, args=(0.05,), daemon=True).start()
        try:
            with prometheus(program, folder, f"127.0.0.1:{relay.server_address[1]}", seconds) as url:
                yield DashboardWatch(url)
        finally:
            relay.shutdown()
