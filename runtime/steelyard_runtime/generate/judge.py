"""ASGI middleware inside of vLLM's server: every user's request is judged here, once, by the server's own clock.

vLLM has no notion of a good request: its histograms say how many requests were late by one time and how many by another, never whether the
same one was in time by all. It also queues without bound, and keeps connections for ever. `--middleware` takes this class by its name.
"""

import hmac
import json
import os
import random
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from prometheus_client import Gauge

from steelyard_runtime.document import from_environment
from steelyard_runtime.generate.engine_tokens import REQUEST, Tokens, engine_of, watch
from steelyard_runtime.generate.good_tokens import GoodTokens
from steelyard_runtime.generate.late import Late
from steelyard_runtime.generate.promise import Promise, Stream, promise_of
from steelyard_runtime.generate.task import OURS, TEXT, UNJUDGED, task_of
from steelyard_runtime.serve.openai import error_response
from steelyard_runtime.serve.outcome import Outcome
from steelyard_runtime.serve.request_metrics import RequestMetrics

VARIABLE = "STEELYARD_JUDGE"
OWN = "/steelyard/"
TOKEN = b"x-steelyard-token"
POD = b"x-steelyard-pod"
OUTCOME = b"x-steelyard-outcome"
JITTER = 0.2
"""Connections opened together must not all come back together."""
KNOWN_CONNECTIONS = 4096
UNCOUNTED = ("/health", "/ping", "/version", "/metrics", "/v1/models", "/tokenize", "/detokenize")
"""What asks nothing of the model. vLLM has more paths that generate, or change the server: nobody would bound, judge or wait for those."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class Judge:
    """Judges, counts, sheds, and lets connections end. Told by STEELYARD_JUDGE; `token` marks what is the supervisor's and counts for nothing."""

    def __init__(self, application: Application) -> None:
        document = from_environment(VARIABLE, os.environ)
        self._application = application
        self._promise: Promise = promise_of(document.children("latency"))
        self._limit = document.integer("limit", 1, 1_000_000)
        self._max_age = document.number("maxAgeSeconds", 0, 86_400)
        self._token = document.text("token").encode()
        self._task = task_of(document.text("task", TEXT))
        document.finish()
        self._pod = os.environ.get("POD_NAME", "").encode()
        self._metrics = RequestMetrics(self._promise.e2e)
        self._late = Late(self._promise, self._metrics.registry)
        self._engine: Any = None
        self._good: GoodTokens | None = None
        """None while it is not known that the engine's tokens can be counted."""
        self._sequences: Gauge | None = None
        self._running = 0
        self._unjudged = 0
        """Of those that run: the others are counted, and their last piece waits for its reader."""
        self._draining = False
        self._retires: dict[Any, float] = {}
        self._sweep_at = KNOWN_CONNECTIONS
        self._chance = random.Random()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request."""
        self._watch(engine_of(scope))
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
        elif scope["type"] != "http":
            await self._application(scope, receive, send)
        elif scope["path"].startswith(OWN):
            await self._answer_supervisor(scope, send)
        elif self._is_supervisor(scope) or scope["path"] in UNCOUNTED:
            await self._application(scope, receive, send)
        elif scope["path"] not in self._task.judged:
            self._metrics.reject(404)
            await self._refuse(scope["path"], send)
        elif scope["method"] != "POST":
            await self._application(scope, receive, send)  # no such request is answered, but a browser asks what it may send
        elif self._running >= self._limit:
            self._metrics.record(Outcome.SHED, 0.0)
            await self._shed(send)
        else:
            await self._judge(scope, receive, send)

    def _watch(self, engine: Any) -> None:
        """vLLM puts its engine where it is found before it takes the first request, that of its own start included."""
        if engine is None or engine is self._engine:
            return
        self._engine = engine
        if self._task.pools:
            return  # it generates no tokens, and unknown is not none
        if watch(engine) and self._good is None:
            self._good = GoodTokens(self._metrics.registry)

    async def _judge(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        stream, tokens = Stream(self._promise, time.monotonic()), Tokens()
        self._running += 1
        self._unjudged += 1
        self._metrics.in_flight.inc()
        left = counted = False

        def count() -> None:
            nonlocal counted
            counted = True
            self._unjudged -= 1
            now = time.monotonic()
            outcome = stream.given_up(now) if left else stream.outcome(now)
            if outcome is Outcome.SLOW:
                self._late.add(stream.missed(now))
            if outcome is None:
                self._metrics.reject(499 if left else stream.status)
            else:
                self._metrics.record(outcome, stream.seconds(time.monotonic()))
            if outcome is Outcome.GOOD and self._good is not None:
                self._good.add(tokens)

        async def listening() -> Message:
            nonlocal left
            message = await receive()
            left = left or message["type"] == "http.disconnect"
            return message

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"] = list(message.get("headers", ()))
                stream.begins(message["status"], headers)
                headers.append((POD, self._pod))
                if not stream.streams:
                    headers.append((OUTCOME, str(stream.outcome(time.monotonic()) or "rejected").encode()))
                if self._retired(scope):
                    headers.append((b"connection", b"close"))
            elif message["type"] == "http.response.body":
                stream.sends(message.get("body", b""), time.monotonic())
                if not message.get("more_body", False) and not counted:
                    # Counted before a client can have read it: a counter never lags behind what a client knows.
                    count()
            await send(message)

        its_own = REQUEST.set(tokens)
        try:
            path = OURS.get(scope["path"], scope["path"])
            await self._application({**scope, "path": path, "raw_path": path.encode()}, listening, telling)
        except BaseException:
            stream.fails()
            raise
        finally:
            REQUEST.reset(its_own)
            if not counted:
                if not left:
                    stream.fails()  # it ended without an end
                count()
            self._running -= 1
            self._metrics.in_flight.dec()

    async def _shed(self, send: Send) -> None:
        body = error_response(429, f"{self._limit} requests are being answered or wait already; try again", code="queue_full")
        headers = [(b"content-type", b"application/json"), (b"retry-after", b"1"), (POD, self._pod), (OUTCOME, b"shed")]
        await _respond(send, 429, body, headers)

    async def _refuse(self, path: str, send: Send) -> None:
        reason = UNJUDGED.get(path) if not self._task.pools else None
        why = f"there is no {path[:100]} here{f' ({reason})' if reason else ''}: this server gives {self._task.says} at"
        why += f" {' and '.join(self._task.judged)}; besides there are {', '.join(UNCOUNTED)}"
        await _respond(
            send, 404, error_response(404, why), [(b"content-type", b"application/json"), (POD, self._pod), (OUTCOME, b"rejected")]
        )

    async def _answer_supervisor(self, scope: MutableMapping[str, Any], send: Send) -> None:
        if not self._is_supervisor(scope):
            await _respond(send, 404, error_response(404, "there is nothing here"), [(b"content-type", b"application/json")])
            return
        what = scope["path"].removeprefix(OWN)
        if what == "drain":
            self._draining = True
        if what == "metrics":
            self._tell_sequences(scope)
            await _respond(send, 200, self._metrics.exposition(), [(b"content-type", b"text/plain; version=0.0.4; charset=utf-8")])
        else:
            document = {"running": self._running, "unjudged": self._unjudged, "final": self._metrics.final_counts()}
            await _respond(send, 200, json.dumps(document).encode(), [(b"content-type", b"application/json")])

    def _tell_sequences(self, scope: MutableMapping[str, Any]) -> None:
        """vLLM chooses the number itself where no argument gives it, and has no metric of it."""
        config = getattr(getattr(scope.get("app"), "state", None), "vllm_config", None)
        most = getattr(getattr(config, "scheduler_config", None), "max_num_seqs", None)
        if isinstance(most, int) and self._sequences is None:
            self._sequences = Gauge(
                "steelyard_server_sequences", "Requests that the engine runs at the same time at most.", registry=self._metrics.registry
            )
            self._sequences.set(most)

    def _is_supervisor(self, scope: MutableMapping[str, Any]) -> bool:
        return any(name == TOKEN and hmac.compare_digest(value, self._token) for name, value in scope["headers"])

    def _retired(self, scope: MutableMapping[str, Any]) -> bool:
        """Whether this answer is its connection's last: kube-proxy balances connections, not requests."""
        if self._draining or not self._max_age:
            return self._draining
        client = tuple(scope.get("client") or ())
        now = time.monotonic()
        if client not in self._retires:
            if len(self._retires) >= self._sweep_at:  # a peer's port is used again: what is old enough is another connection
                self._retires = {each: at for each, at in self._retires.items() if now < at + self._max_age}
                self._sweep_at = max(KNOWN_CONNECTIONS, 2 * len(self._retires))
            self._retires[client] = now + self._max_age * self._chance.uniform(1 - JITTER, 1 + JITTER)
        if now < self._retires[client]:
            return False
        del self._retires[client]
        return True


async def _respond(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [*headers, (b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})
