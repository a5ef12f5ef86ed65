"""Port 8080: what users call. Every request is judged here, once, by the server's own clock."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web

from steelyard_runtime.compile.memory import limit
from steelyard_runtime.serve import inference_protocol, openai, openapi
from steelyard_runtime.serve.batcher import Batcher, Full
from steelyard_runtime.serve.bodies import Bodies
from steelyard_runtime.serve.connections import Connections
from steelyard_runtime.serve.door import Answers, Door, Infer
from steelyard_runtime.serve.metrics import Metrics
from steelyard_runtime.serve.model import Loaded
from steelyard_runtime.serve.outcome import Outcome, judged
from steelyard_runtime.serve.protocol import INFERENCE, OPENAI, Answer, Protocol
from steelyard_runtime.serve.request import Inputs, Limits, Rejected
from steelyard_runtime.serve.spec import ServeSpec
from steelyard_runtime.serve.state import State
from steelyard_runtime.tasks.registry import TASKS, endpoints_of
from steelyard_runtime.tokens import characters, pieces

T = TypeVar("T")

LOG = logging.getLogger("steelyard.serve")
POD = "x-steelyard-pod"
OUTCOME = "x-steelyard-outcome"
BODY_SECONDS = 30.0
"""A client that takes longer to send its request has gone to sleep."""
PIECE = 10_000
"""Characters that are tokenized in one go: about 10 ms of text without spaces, the slowest there is."""
CLIENT_LEFT = 499
"""Nobody reads this status; it is for the counter."""
SMALL_BODY = 1 << 16
"""Bytes that are read in less time than a thread takes to be asked."""
SMALL_TEXT = 2_000
"""Characters that are tokenized in the loop itself. On a busy core so many took 0.6 ms of English and 2 ms at worst, and some 0.1 ms more by way of a
thread, which then takes turns with the loop and the engine."""


@dataclass(frozen=True, slots=True)
class Served:
    """A model that is being served. `doors`: by path."""

    model: Loaded
    batcher: Batcher
    doors: Mapping[str, Door]
    infer: Infer


class Api:
    """Routes, judgement and bookkeeping."""

    def __init__(self, spec: ServeSpec, pod: str, metrics: Metrics, state: State, connections: Connections, version: str) -> None:
        self._spec = spec
        self._pod = pod
        self._metrics = metrics
        self._state = state
        self._connections = connections
        self._version = version
        self._limits = Limits(spec.max_inputs, spec.max_chars, texts=spec.task in TASKS)
        self._bodies = Bodies(self._limits.body, limit())
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="read")
        self._tokenizing = ThreadPoolExecutor(spec.threads, thread_name_prefix="tokenize")
        self._protocols: dict[str, Protocol] = {}
        """By path of the task's own endpoints."""
        self.served: Served | None = None

    def serve(self, model: Loaded, batcher: Batcher) -> None:
        """Open the doors."""
        doors = {door.endpoint.path: door for door in model.doors(self._spec.model, self._limits)}
        self.served = Served(model, batcher, doors, model.infer(self._spec.model, self._limits))

    def runner(self) -> web.AppRunner:
        """Return what serves port 8080. A handler is cancelled when its client leaves: nobody would read what it goes on to compute."""
        return web.AppRunner(self._application(), access_log=None, shutdown_timeout=0.5, keepalive_timeout=75, handler_cancellation=True)

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=self._limits.body, middlewares=[self._errors])
        application.on_response_prepare.append(self._prepare)
        router = application.router
        for endpoint in endpoints_of(self._spec.task):
            self._protocols[endpoint.path] = Protocol(endpoint.error)
            router.add_post(endpoint.path, lambda request: self._judge(request, self._protocol(request.path), self._door))
        router.add_get("/v1/models", self._models)
        router.add_get("/openapi.json", self._openapi)
        router.add_get("/v2", self._server_metadata)
        router.add_get("/v2/health/live", self._live)
        router.add_get("/v2/health/ready", self._ready)
        router.add_get("/v2/models/{model}", self._model_metadata)
        router.add_get("/v2/models/{model}/ready", self._model_ready)
        router.add_post("/v2/models/{model}/infer", lambda request: self._judge(request, INFERENCE, self._infer))
        return application

    # Judgement

    async def _judge(
        self, request: web.Request, protocol: Protocol, answering: Callable[[web.Request], Awaitable[Answer]]
    ) -> web.StreamResponse:
        """Answer, judge and count one user's request. The clock runs from the request's head to the answer's hand-over to the socket."""
        began = time.monotonic()
        self._connections.begin(request.protocol)
        self._metrics.in_flight.inc()
        counted = False
        try:
            answer = await self._answer(request, protocol, answering)
            seconds = time.monotonic() - began
            if request.transport is None or request.transport.is_closing():
                counted = True
                self._count_left(request, seconds)
                return web.Response(status=CLIENT_LEFT)
            outcome = judged(answer.status, seconds, self._spec.objectives)
            response = web.Response(status=answer.status, body=answer.body, content_type=answer.content_type)
            response.headers.update(answer.headers)
            response.headers[OUTCOME] = str(outcome or "rejected")
            # Counted before a client can have read it: a counter never lags behind what a client knows.
            self._count(outcome, answer, seconds)
            counted = True
            with suppress(ConnectionResetError):
                await response.prepare(request)
                await response.write_eof()
            return response
        except asyncio.CancelledError:
            if not counted and self._connections.cut_off:
                self._metrics.count(Outcome.ERROR, time.monotonic() - began, 0)
            elif not counted:
                self._count_left(request, time.monotonic() - began)
            raise
        finally:
            self._bodies.let_go(request)
            self._metrics.in_flight.dec()
            self._connections.end(request.protocol)

    def _count_left(self, request: web.Request, seconds: float) -> None:
        """Count a request whose client has left. Who waited past an objective was served too late; who left before that, or before all of the
        request was sent, is nobody's fault."""
        outcome = judged(200, seconds, self._spec.objectives)
        if outcome is Outcome.SLOW and request.content.is_eof():
            self._metrics.count(outcome, seconds, 0)
        else:
            self._metrics.reject(CLIENT_LEFT)

    def _count(self, outcome: Outcome | None, answer: Answer, seconds: float) -> None:
        if outcome is None:
            self._metrics.reject(answer.status)
        else:
            self._metrics.count(outcome, seconds, answer.tokens)

    async def _answer(self, request: web.Request, protocol: Protocol, answering: Callable[[web.Request], Awaitable[Answer]]) -> Answer:
        try:
            return await answering(request)
        except Rejected as rejected:
            return protocol.refusal(rejected.status, rejected.message, rejected.field, rejected.code)
        except Full as full:
            return protocol.refusal(429, str(full), code="queue_full", headers=(("Retry-After", str(full.retry_after)),))
        except web.HTTPRequestEntityTooLarge:
            return protocol.refusal(413, f"the body is larger than {self._limits.body} bytes; send fewer or shorter inputs")
        except Exception:
            LOG.exception("a request failed")
            return protocol.refusal(500, "the model failed on this request; the server's log has the error", code="internal_error")

    async def _body(self, request: web.Request) -> bytes:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await self._bodies.read(request)
        except TimeoutError as error:
            raise Rejected(408, f"the body did not arrive within {BODY_SECONDS:.0f} s") from error
        except (ConnectionError, web.RequestPayloadError) as error:
            raise Rejected(400, "the body is not in the encoding that its headers name") from error

    # The task's own endpoints

    async def _door(self, request: web.Request) -> Answer:
        body = await self._body(request)
        served, protocol = self.served, self._protocol(request.path)
        if served is None:
            return protocol.refusal(503, f"not ready: {self._state.reason}", code="not_ready")
        door = served.doors[request.path]
        asked = await self._read(body, lambda: door.read(body))
        rows, answers = await self._answers(served, asked.inputs)
        return Answer(200, asked.reply(rows, answers), served.model.tokens(rows))

    def _protocol(self, path: str) -> Protocol:
        """The one that is meant by whoever asks there."""
        return self._protocols.get(path, INFERENCE if path.startswith("/v2") else OPENAI)

    # OpenAI

    async def _models(self, _request: web.Request) -> web.Response:
        return _json(openai.models_response(self._spec.model, int(self._metrics.started.timestamp())))

    async def _openapi(self, _request: web.Request) -> web.Response:
        served = self.served
        if served is None:
            return _json(inference_protocol.error_response(f"not ready: {self._state.reason}"), 503)
        return _json(openapi.document(self._spec.model, self._version, [*served.doors.values()], served.infer))

    # Open Inference Protocol

    async def _infer(self, request: web.Request) -> Answer:
        body = await self._body(request)
        served = self.served
        self._require_name(request)
        if served is None:
            return INFERENCE.refusal(503, f"not ready: {self._state.reason}")
        header = request.headers.get(inference_protocol.HEADER)
        asked = await self._read(body, lambda: served.infer.read(body, header))
        rows, answers = await self._answers(served, asked.inputs)
        data, header_length = asked.reply(rows, answers)
        tokens = served.model.tokens(rows)
        if header_length is None:
            return Answer(200, data, tokens)
        headers = ((inference_protocol.HEADER, str(header_length)),)
        return Answer(200, data, tokens, headers, "application/octet-stream")

    async def _server_metadata(self, _request: web.Request) -> web.Response:
        return _json(inference_protocol.server_metadata(self._version))

    async def _live(self, _request: web.Request) -> web.Response:
        sick = self._state.sick()
        return _json(b'{"live":true}') if sick is None else _json(inference_protocol.error_response(sick), 503)

    async def _ready(self, _request: web.Request) -> web.Response:
        return self._readiness(b'{"ready":true}')

    async def _model_ready(self, request: web.Request) -> web.Response:
        if request.match_info["model"] != self._spec.model:
            return _json(inference_protocol.error_response(self._no_model(request)), 404)
        return self._readiness(f'{{"name":"{self._spec.model}","ready":true}}'.encode())

    def _readiness(self, body: bytes) -> web.Response:
        return _json(body) if self._state.ready else _json(inference_protocol.error_response(f"not ready: {self._state.reason}"), 503)

    async def _model_metadata(self, request: web.Request) -> web.Response:
        if request.match_info["model"] != self._spec.model:
            return _json(inference_protocol.error_response(self._no_model(request)), 404)
        if self.served is None:
            return _json(inference_protocol.error_response(f"not ready: {self._state.reason}"), 503)
        return _json(inference_protocol.model_metadata(self._spec.model, self.served.model.manifest, self.served.infer))

    def _require_name(self, request: web.Request) -> None:
        if request.match_info["model"] != self._spec.model:
            raise Rejected(404, self._no_model(request))

    def _no_model(self, request: web.Request) -> str:
        return f"there is no model {request.match_info['model']!r} here; this server has {self._spec.model!r}"

    # Both

    async def _read(self, body: bytes, reading: Callable[[], T]) -> T:
        """Make a request of a body; raises `Rejected`. Large ones are read beside the loop, and one at a time: each takes several times its size."""
        if len(body) <= SMALL_BODY:
            return reading()
        return await asyncio.get_running_loop().run_in_executor(self._reading, reading)

    async def _encoded(self, model: Loaded, texts: Sequence[Any]) -> tuple[list[Any], int]:
        """Return the row of each text, and how many had to be cut. Between the pieces of a large request others get their turn."""
        if self._limits.texts and characters(texts) <= SMALL_TEXT:
            return model.encode(texts)
        rows: list[Any] = []
        cut = 0
        for piece in pieces(texts, PIECE):
            found, more = await asyncio.get_running_loop().run_in_executor(self._tokenizing, model.encode, piece)
            rows += found
            cut += more
        return rows, cut

    async def _answers(self, served: Served, inputs: Inputs) -> tuple[list[Any], Answers]:
        """Return the rows of the inputs, in their order, and the answers to them; raises `Full`."""
        admitted = served.batcher.admit(inputs.count)
        rows: list[Any] = list(inputs.rows)
        if inputs.texts:
            try:
                rows, cut = await self._encoded(served.model, inputs.texts)
                if cut and inputs.whole:
                    raise Rejected(
                        413, f"{cut} of the inputs are longer than the model takes; shorten them, or let them be cut: truncate true"
                    )
                if not all(rows):
                    raise Rejected(400, f"input {[bool(row) for row in rows].index(False)} has no tokens; send words")
            except BaseException:
                served.batcher.withdraw(inputs.count)
                raise
            if cut:
                self._metrics.truncated.inc(cut)
        answers = [served.batcher.submit(row, admitted) for row in rows]
        try:
            return rows, list(await asyncio.gather(*answers))
        finally:
            for answer in answers:  # once one has failed nobody asks for the others
                answer.cancel()

    @web.middleware
    async def _errors(self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
        """Give aiohttp's own refusals (no such path, wrong method) the shape of the protocol that was meant."""
        try:
            return await handler(request)
        except web.HTTPException as refusal:
            if refusal.status < 400:
                raise
            self._metrics.reject(refusal.status)
            protocol = self._protocol(request.path)
            message = f"{request.method} {request.path}: {refusal.reason}"
            response = _json(protocol.refusal(refusal.status, message).body, refusal.status)
            if "Allow" in refusal.headers:
                response.headers["Allow"] = refusal.headers["Allow"]
            response.headers[OUTCOME] = "rejected"
            return response

    async def _prepare(self, request: web.Request, response: web.StreamResponse) -> None:
        """Put on every response which pod it is from, and whether the connection ends with it."""
        response.headers[POD] = self._pod
        response.headers.setdefault(OUTCOME, "none")
        # After a body that could not be decoded nobody knows where the next request begins.
        if self._connections.closes(request.protocol) or request.content.exception() is not None:
            response.force_close()
            response.headers["Connection"] = "close"


def _json(body: bytes, status: int = 200) -> web.Response:
    return web.Response(status=status, body=body, content_type="application/json")
