"""A real Prometheus beside the demo: at the end it is asked every query of the chart's dashboard and alerts.

It reads the leader's page by way of this process, which reads it by way of the API server: nothing in the cluster is opened for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from chart.local_prometheus import prometheus
from chart.queries import alerts, dashboard, queries, unanswered
from steelyard.cli.problem import Problem

SCRAPE_SECONDS = 5


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

    def wrong(self) -> tuple[int, list[str]]:
        """How many queries were asked, and a line for each that has no answer and is not empty by design."""
        asked = list(queries(dashboard(), alerts()))
        return len(asked), unanswered(self.url, asked)


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
