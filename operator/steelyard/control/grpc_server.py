"""A gRPC server of one service, by TLS or in plain text."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import grpc

GRACE = 2.0
"""Seconds for the calls under way when it stops."""


@dataclass(frozen=True, slots=True)
class Tls:
    """`tls.crt` and `tls.key` of a folder. `clients`: only those with a certificate of its `ca.crt` are let in."""

    folder: Path
    clients: bool

    def credentials(self) -> grpc.ServerCredentials:
        """A renewed certificate is served from the next connection on. Raises OSError where there is none."""
        return grpc.dynamic_ssl_server_credentials(self._read(), self._renewed, require_client_authentication=self.clients)

    def _read(self) -> Any:
        pair = (self.folder / "tls.key").read_bytes(), (self.folder / "tls.crt").read_bytes()
        authority = (self.folder / "ca.crt").read_bytes() if self.clients else None
        return grpc.ssl_server_certificate_configuration([pair], root_certificates=authority)

    def _renewed(self) -> Any:
        try:
            return self._read()
        except OSError:
            return None  # Halfway between two: the last one is served.


@dataclass(frozen=True, slots=True)
class Bounds:
    """`most_bytes`: of one request. `at_once`: calls under way, streams included; whoever comes beyond it is refused."""

    most_bytes: int
    at_once: int


class GrpcServer:
    """Listens for calls of one service."""

    def __init__(self, service: str, methods: Mapping[str, Any], where: str, tls: Tls | None, bounds: Bounds) -> None:
        """methods: by name, what `one` and `stream` make. where: host and port; port 0 takes a free one."""
        self._handler = grpc.method_handlers_generic_handler(service, methods)
        self._where = where
        self._tls = tls
        self._bounds = bounds
        self._server: Any = None

    async def start(self) -> int:
        """Listen. Returns the port. Raises OSError without a certificate that can be read, RuntimeError where the port is taken."""
        options = (("grpc.max_receive_message_length", self._bounds.most_bytes),)
        server = grpc.aio.server(maximum_concurrent_rpcs=self._bounds.at_once, options=options)
        server.add_generic_rpc_handlers((self._handler,))
        listen = (
            server.add_insecure_port if self._tls is None else partial(server.add_secure_port, server_credentials=self._tls.credentials())
        )
        port = listen(self._where)
        await server.start()
        self._server = server
        return int(port)

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            await self._server.stop(GRACE)
            self._server = None


def one(answer: Callable[[Any, Any], Awaitable[Any]], asked: Any) -> Any:
    """A call with one answer. asked: the message that it takes."""
    return grpc.unary_unary_rpc_method_handler(answer, request_deserializer=asked.FromString, response_serializer=_bytes)


def stream(answer: Callable[[Any, Any], AsyncIterator[Any]], asked: Any) -> Any:
    """A call with a stream of answers."""
    return grpc.unary_stream_rpc_method_handler(answer, request_deserializer=asked.FromString, response_serializer=_bytes)


def _bytes(message: Any) -> bytes:
    return bytes(message.SerializeToString())
