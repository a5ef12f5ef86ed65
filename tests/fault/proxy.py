"""A proxy between one operator and the API server that fails on order: before a request reaches the server, after it was committed,
or in the middle of a watch. Behind it is the real API server, so that what was committed has true semantics.

The proxy speaks to the server as the operator's own user, so that the audit log tells operators apart.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp
from aiohttp import web

from cluster import kubeconfig
from cluster.certificates import Certificate
from cluster.cluster import Cluster
from patience import PATIENCE

WRITES = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_issuing = threading.Lock()
"""All proxies of a cluster show the same certificate: who comes second must not read it half written."""
_DROPPED = frozenset({"host", "content-length", "transfer-encoding", "connection", "authorization", "accept-encoding"})


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way to the API server."""

    method: str
    path: str
    query: str
    body: Any = None

    @property
    def verb(self) -> str:
        """create, update, patch, delete, watch, list or get."""
        if self.method in WRITES:
            return WRITES[self.method]
        if self.watches:
            return "watch"
        return "get" if self.name else "list"

    @property
    def writes(self) -> bool:
        """Whether it changes something."""
        return self.method in WRITES

    @property
    def watches(self) -> bool:
        """Whether it is a watch."""
        return self.method == "GET" and "watch=" in self.query

    @property
    def _parts(self) -> list[str]:
        """Below the version: [namespaces, ns,] plural[, name[, subresource]]."""
        parts = self.path.strip("/").split("/")
        parts = parts[2:] if parts[0] == "api" else parts[3:]
        return parts[2:] if len(parts) > 2 and parts[0] == "namespaces" else parts

    @property
    def resource(self) -> str:
        """The plural, with its subresource: deployments/scale."""
        parts = self._parts
        return "/".join([*parts[:1], *parts[2:3]])

    @property
    def name(self) -> str:
        """The object's name; from the body where the path has none."""
        parts = self._parts
        if len(parts) > 1:
            return parts[1]
        return str(((self.body or {}).get("metadata") or {}).get("name") or "") if isinstance(self.body, dict) else ""

    def is_for(self, *resources: str) -> bool:
        """Whether it concerns one of these."""
        return self.resource in resources


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer this instead of asking the server."""

    status: int = 500
    retry_after: int | None = None
    reason: str = "InternalError"


@dataclass(frozen=True, slots=True)
class AfterCommit:
    """The server has done it; the answer never comes: the connection is cut, or `status` is answered. `then` runs in between."""

    status: int | None = None
    then: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Delay:
    """Pass it on later."""

    seconds: float


@dataclass(frozen=True, slots=True)
class StaleList:
    """Answer a list as it was answered the first time that it was asked for."""


Effect: TypeAlias = Refuse | AfterCommit | Delay | StaleList


@dataclass(slots=True)
class Fault:
    """An effect on the calls that match, at most `times` of them."""

    matches: Callable[[Call], bool]
    effect: Effect
    times: int | None = None
    hits: list[Call] = field(default_factory=list)

    def wants(self, call: Call) -> bool:
        """Whether this call is to fail; counts it."""
        if (self.times is not None and len(self.hits) >= self.times) or not self.matches(call):
            return False
        self.hits.append(call)
        return True


class Proxy:
    """Use as a context manager. `faults` and the switches may be changed at any time, from any thread."""

    def __init__(self, cluster: Cluster, user: str, *groups: str) -> None:
        self._cluster = cluster
        self.user = user
        authority = cluster.control_plane.authority
        with _issuing:
            self._server = authority.issue("fault-proxy", "fault-proxy", addresses=("IP:127.0.0.1", "DNS:localhost"))
        name = f"user-{user}".replace(":", "-").replace("/", "-")
        cluster.kubeconfig_for(user, *groups)
        self._client: Certificate = authority.issue(name, user, groups)
        self.kubeconfig: Path = cluster.identity.folder / f"proxy-{name}.kubeconfig"
        self.faults: list[Fault] = []
        self.writes: list[tuple[Call, int]] = []
        """Every write that the server answered, with its status."""
        self._open: list[tuple[web.Request, Call, web.StreamResponse]] = []
        self._frozen: set[str] = set()
        self._lists: dict[tuple[str, str], bytes] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True, name="fault-proxy")
        self._port = 0

    def __enter__(self) -> Proxy:
        self._thread.start()
        assert self._up.wait(PATIENCE), "the proxy did not start"
        kubeconfig.write(self.kubeconfig, server=f"https://127.0.0.1:{self._port}", authority=self._cluster.authority, client=self._client)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(PATIENCE)

    # --- what a test orders -----------------------------------------------------------------------------------------------------------

    def fail(self, matches: Callable[[Call], bool], effect: Effect, times: int | None = None) -> Fault:
        """From now on."""
        fault = Fault(matches, effect, times)
        self.faults.append(fault)
        return fault

    @contextmanager
    def failing(self, matches: Callable[[Call], bool], effect: Effect) -> Iterator[Fault]:
        """While the block runs."""
        fault = self.fail(matches, effect)
        try:
            yield fault
        finally:
            self.faults.remove(fault)

    @contextmanager
    def refusing_connections(self) -> Iterator[None]:
        """The server is away: open connections end, new ones are refused."""
        self._do(self._shut())
        try:
            yield
        finally:
            self._do(self._listen())

    @contextmanager
    def watches_silent(self, *resources: str) -> Iterator[None]:
        """Open watches of these stay open and say nothing, and what they would have said is lost."""
        self._frozen.update(resources)
        try:
            yield
        finally:
            self._frozen.difference_update(resources)

    def cut_watches(self, *resources: str) -> int:
        """End the open watches of these; how many there were."""
        return int(self._do(self._end_watches(resources, None)))

    def expire_watches(self, *resources: str) -> int:
        """Say 410 as an event on the open watches of these, and end them."""
        gone = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired", "code": 410,
                "message": "too old resource version"}  # fmt: skip
        return int(self._do(self._end_watches(resources, {"type": "ERROR", "object": gone})))

    # --- the thread -------------------------------------------------------------------------------------------------------------------

    def _do(self, work: Any) -> Any:
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._done = asyncio.Event()
        upstream = ssl.create_default_context(cafile=str(self._cluster.authority))
        upstream.load_cert_chain(self._client.certificate, self._client.key)
        connector = aiohttp.TCPConnector(ssl=upstream, limit=0)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False, read_bufsize=2**22) as self._session:
            app = web.Application(client_max_size=32 * 2**20)
            app.router.add_route("*", "/{path:.*}", self._handle)
            self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
            await self._runner.setup()
            await self._listen()
            self._up.set()
            await self._done.wait()
            await self._shut()
            await self._runner.cleanup()

    async def _listen(self) -> None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(self._server.certificate, self._server.key)
        self._site = web.TCPSite(self._runner, "127.0.0.1", self._port, ssl_context=tls)
        await self._site.start()
        assert self._site._server is not None
        self._port = int(self._site._server.sockets[0].getsockname()[1])  # type: ignore[attr-defined]

    async def _shut(self) -> None:
        await self._site.stop()
        server = self._runner.server
        assert server is not None
        for connection in list(server.connections):
            if connection.transport is not None:
                connection.transport.abort()

    async def _end_watches(self, resources: tuple[str, ...], last: Any) -> int:
        ended = 0
        for request, call, answer in list(self._open):
            if call.resource in resources or not resources:
                ended += 1
                with contextlib.suppress(ConnectionError, RuntimeError):  # it may have ended just now
                    if last is not None:
                        await answer.write(json.dumps(last).encode() + b"\n")
                        await answer.write_eof()
                if request.transport is not None:
                    request.transport.close()
        return ended

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = None
        with contextlib.suppress(ValueError):
            body = json.loads(raw) if raw else None
        call = Call(request.method, request.path, request.query_string, body)
        fault = next((f for f in list(self.faults) if f.wants(call)), None)
        effect = fault.effect if fault else None
        match effect:
            case Refuse():
                return _refusal(effect)
            case Delay(seconds):
                await asyncio.sleep(seconds)
            case StaleList() if (remembered := self._lists.get((call.path, call.query))) is not None:
                return web.Response(body=remembered, content_type="application/json")
            case _:
                pass
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _DROPPED}
        url = f"{self._cluster.api_url}{request.raw_path}"
        try:
            async with self._session.request(request.method, url, data=raw or None, headers=headers) as answer:
                if call.watches and answer.status == 200:
                    return await self._stream(request, call, answer)
                content = await answer.read()
                if call.writes:
                    self.writes.append((call, answer.status))
                if call.verb == "list" and answer.status == 200:
                    self._lists.setdefault((call.path, call.query), content)
                if isinstance(effect, AfterCommit):
                    return self._lose(request, effect)
                kept = {k: v for k, v in answer.headers.items() if k in {"Date", "Retry-After", "Content-Encoding"}}
                return web.Response(status=answer.status, body=content, headers=kept, content_type=answer.content_type)
        except aiohttp.ClientError as error:
            return web.Response(status=502, text=repr(error))

    def _lose(self, request: web.Request, effect: AfterCommit) -> web.StreamResponse:
        if effect.then is not None:
            effect.then()
        if effect.status is not None:
            return _refusal(Refuse(effect.status))
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    async def _stream(self, request: web.Request, call: Call, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        out = web.StreamResponse(status=200, headers={"Content-Type": "application/json"})
        await out.prepare(request)
        opened = (request, call, out)
        self._open.append(opened)
        try:
            while line := await answer.content.readline():
                if call.resource not in self._frozen:
                    await out.write(line)
        except (ConnectionError, aiohttp.ClientError):
            pass  # one side has gone
        finally:
            self._open = [each for each in self._open if each is not opened]
        with contextlib.suppress(ConnectionError):
            await out.write_eof()
        return out


def _refusal(refuse: Refuse) -> web.Response:
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": refuse.reason,
        "code": refuse.status,
        "message": "injected",
    }
    headers = {} if refuse.retry_after is None else {"Retry-After": str(refuse.retry_after)}
    return web.json_response(status, status=refuse.status, headers=headers)
