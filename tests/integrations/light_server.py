"""A custom server of one request at a time, out of an image that has Python: it takes as long as it is told to, answers with its pod's name, and tells how
long its requests took."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

SAMPLES, FILE = "asked", "requests.jsonl"
OBJECTIVE = 250
"""Milliseconds, and an edge of its histogram."""
TAKES = 3
"""Milliseconds that it has to do with a request: one replica carries hundreds a second and hardly needs a processor."""
METRICS = 9000
PROGRAM = f"""
import bisect, os, signal, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

EDGES = [0.005, 0.01, 0.02, 0.05, 0.1, {OBJECTIVE / 1000}, 0.5, 1.0]
turn, told = threading.Lock(), threading.Lock()
counts, seconds = [0] * (len(EDGES) + 1), 0.0

def page():
    below, lines = 0, []
    for edge, count in zip([*map(str, EDGES), "+Inf"], counts):
        below += count
        lines.append('answer_seconds_bucket{{le="%s"}} %d' % (edge, below))
    return "\\n".join([*lines, "answer_seconds_sum %f" % seconds, "answer_seconds_count %d" % below, "answers_total %d" % below, ""])

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def take(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return
        while size := int(self.rfile.readline(), 16):
            self.rfile.read(size + 2)
        self.rfile.readline()

    def answer(self):
        global seconds
        began = time.monotonic()
        self.take()
        body = os.environ["HOSTNAME"]
        if self.path == "/metrics":
            with told:
                body = page()
        elif self.path != "/health":
            with turn:
                time.sleep({TAKES / 1000})
            took = time.monotonic() - began
            with told:
                counts[bisect.bisect_left(EDGES, took)] += 1
                seconds += took
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    do_GET = do_POST = answer

    def log_message(self, *words):
        pass

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
for port in (8080, {METRICS}):
    threading.Thread(target=ThreadingHTTPServer(("", port), Handler).serve_forever, daemon=True).start()
while True:
    signal.pause()
"""


def samples() -> dict[str, Any]:
    """The ConfigMap of its requests."""
    asked = json.dumps({"path": "/", "body": {"of": "a sample"}})
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": SAMPLES}, "data": {FILE: f"{asked}\n"}}


def spec(image: str, traffic: dict[str, Any], replicas: int) -> dict[str, Any]:
    """Of its workload. image: by digest."""
    server = {
        "image": image,
        "families": ["cpu"],
        "command": ["python3", "-c", "import sys; exec(chr(10).join(sys.argv[1:]), {})"],
        "args": PROGRAM.split("\n\n"),
        "port": 8080,
        "probes": {"livePath": "/health", "readyPath": "/health"},
        "drain": {"delaySeconds": 5, "timeoutSeconds": 20},
        "metrics": {"names": {"requestCounter": "answers_total", "latencyHistogram": "answer_seconds"}, "port": METRICS},
    }
    return {
        "server": {"custom": server},
        "traffic": {**traffic, "samples": {"configMap": {"name": SAMPLES, "key": FILE}}},
        "objective": {"latency": [{"metric": "e2e", "milliseconds": OBJECTIVE, "percent": "90"}]},
        "scaling": {"minReplicas": replicas, "maxReplicas": replicas + 1},
        "rebalancing": {
            "mode": "Auto", "windowSeconds": 5, "bakeSeconds": 5, "minGoodRequests": 200, "cooldownSeconds": 60, "deadlineSeconds": 600,
            "exploration": {"budget": "5.00", "deadlineSeconds": 600},
        },
    }  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """When it was asked for, in Unix seconds, and the pod that answered; nobody where it failed."""

    at: float
    pod: str | None


@dataclass
class Crowd:
    """Asks at a rate, whatever becomes of those before, until it is told that it is enough."""

    url: str
    rate: float
    body: Mapping[str, Any] = field(default_factory=lambda: {"of": "a user"})
    answers: list[Answer] = field(default_factory=list)
    enough: bool = False

    async def ask(self) -> None:
        """Ends with the last answer."""
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session, asyncio.TaskGroup() as tasks:
            began, sent = time.monotonic(), 0
            while not self.enough:
                tasks.create_task(self._one(session))
                sent += 1
                await asyncio.sleep(max(0.0, began + sent / self.rate - time.monotonic()))

    async def _one(self, session: aiohttp.ClientSession) -> None:
        at = time.time()
        try:
            async with session.post(self.url, json=self.body) as answer:
                pod = await answer.text()
                self.answers.append(Answer(at, pod if answer.status == 200 else None))
        except (aiohttp.ClientError, TimeoutError):
            self.answers.append(Answer(at, None))
