"""A custom server that tells nothing of how long its requests took, out of an image that has Python: `/` is answered at once, `/slow` late, `/bad` by
an error."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import aiohttp

OBJECTIVE = 250
"""Milliseconds: an edge of Envoy's histogram."""
METRICS = 9000
LAST = 200
"""Requests at the end among which none is slow: what is told late of those before is then told."""
PROGRAM = f"""
import threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

asked = []

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = "ok"
        if self.path == "/metrics":
            body = f"n_total {{len(asked)}}\\n"
        elif self.path != "/health":
            asked.append(None)
            time.sleep({3 * OBJECTIVE / 1000} if self.path == "/slow" else 0)
        self.send_response(500 if self.path == "/bad" else 200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *words):
        pass

for port in (8080, {METRICS}):
    threading.Thread(target=ThreadingHTTPServer(("", port), Handler).serve_forever).start()
"""


def spec(image: str, traffic: dict[str, Any]) -> dict[str, Any]:
    """Of its workload. image: by digest."""
    server = {
        "image": image,
        "families": ["cpu"],
        "command": ["python3", "-c", PROGRAM],
        "port": 8080,
        "probes": {"livePath": "/health", "readyPath": "/health"},
        "metrics": {"names": {"requestCounter": "n_total"}, "port": METRICS},
        "latencyFrom": "Gateway",
    }
    return {
        "server": {"custom": server},
        "traffic": traffic,
        "objective": {"latency": [{"metric": "e2e", "milliseconds": OBJECTIVE, "percent": "90"}]},
        "scaling": {"minReplicas": 2, "maxReplicas": 2},
        "rebalancing": {"mode": "Observe", "windowSeconds": 10, "minGoodRequests": 60},
    }


def paths(count: int) -> Iterator[str]:
    """One in fifty is slow, but for the last, and one in a hundred fails."""
    for number in range(count):
        yield "/slow" if number % 50 == 0 and number < count - LAST else "/bad" if number % 100 == 7 else "/"


@dataclass(frozen=True)
class Asked:
    """What a client saw of one request."""

    path: str
    status: int
    seconds: float


async def ask(url: str, count: int, rate: float) -> list[Asked]:
    """So many requests at that rate, whatever becomes of those before."""
    seen: list[Asked] = []

    async def one(session: aiohttp.ClientSession, path: str) -> None:
        began = time.monotonic()
        async with session.get(url + path) as answer:
            await answer.read()
            seen.append(Asked(path, answer.status, time.monotonic() - began))

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
        for path in paths(count):
            tasks.create_task(one(session, path))
            await asyncio.sleep(1 / rate)
    return seen
