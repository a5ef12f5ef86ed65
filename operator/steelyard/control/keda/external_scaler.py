"""externalscaler.ExternalScaler of KEDA (2.21): the fleet's plan as a metric whose target is one replica.

KEDA takes a number that is 0 for a number, and clamps what is negative to 0: so what is not known is an error of gRPC, upon which the replicas stay or
its `fallback` begins. The trigger's metadata names `workload` and `pool`; the namespace is the ScaledObject's own, so that nobody reads another's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import grpc

from steelyard.control.keda.external_scaler_pb2 import (
    GetMetricSpecResponse,
    GetMetricsRequest,
    GetMetricsResponse,
    IsActiveResponse,
    MetricSpec,
    MetricValue,
    ScaledObjectRef,
)
from steelyard.control.keda.plan_signal import NoSignal
from steelyard.core.facts.identity import WorkloadKey

SERVICE = "externalscaler.ExternalScaler"
METRIC = "steelyard-plan-replicas"
LOOK_SECONDS = 5.0
"""Between two looks at what a stream tells."""
MOST_BYTES = 64 * 1024
"""Of one request; a trigger's metadata is a few lines."""
AT_ONCE = 1000
"""Calls under way, streams included. Whoever comes beyond it is refused."""
GRACE = 2.0
"""Seconds for the calls under way when it stops."""


class Signal(Protocol):
    """Where the numbers come from."""

    def replicas(self, key: WorkloadKey, pool: str) -> int | NoSignal:
        """Of a workload on a pool."""
        ...


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


class ExternalScaler:
    """Listens for KEDA."""

    def __init__(self, signal: Signal, *, host: str, port: int, tls: Tls | None, look_seconds: float = LOOK_SECONDS) -> None:
        self._signal = signal
        self._where = f"{host}:{port}"
        self._tls = tls
        self._look_seconds = look_seconds
        self._server: Any = None

    async def start(self) -> int:
        """Listen. Returns the port. Raises OSError without a certificate that can be read, RuntimeError where the port is taken."""
        server = grpc.aio.server(maximum_concurrent_rpcs=AT_ONCE, options=(("grpc.max_receive_message_length", MOST_BYTES),))
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, self._methods()),))
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

    def _methods(self) -> Mapping[str, Any]:
        return {
            "IsActive": _one(self.is_active, ScaledObjectRef),
            "StreamIsActive": _stream(self.stream_is_active, ScaledObjectRef),
            "GetMetricSpec": _one(self.metric_spec, ScaledObjectRef),
            "GetMetrics": _one(self.metrics, GetMetricsRequest),
            "StreamMetricSpec": _stream(self.stream_metric_spec, ScaledObjectRef),
        }

    async def is_active(self, ref: ScaledObjectRef, context: Any) -> IsActiveResponse:
        """Whether any replica is planned there."""
        return IsActiveResponse(result=await self._told(ref, context) > 0)

    async def stream_is_active(self, ref: ScaledObjectRef, context: Any) -> AsyncIterator[IsActiveResponse]:
        """At once, and whenever it changes. While it is not known nothing is told and the stream stays open: KEDA waits twice as long, up to a
        minute, before it opens one anew that ended with an error, and would not be told at once any more."""
        place = await _place(ref, context)
        before: bool | None = None
        while True:
            told = self._signal.replicas(*place)
            active = None if isinstance(told, NoSignal) else told > 0
            if active is not None and active is not before:
                yield IsActiveResponse(result=active)
            before = active
            await asyncio.sleep(self._look_seconds)

    async def metric_spec(self, ref: ScaledObjectRef, context: Any) -> GetMetricSpecResponse:
        """One replica for each that is planned."""
        await _place(ref, context)
        return GetMetricSpecResponse(metricSpecs=[MetricSpec(metricName=METRIC, targetSize=1, targetSizeFloat=1.0)])

    async def stream_metric_spec(self, ref: ScaledObjectRef, context: Any) -> AsyncIterator[GetMetricSpecResponse]:
        """The same, which never changes: it is told once, and the stream stays open."""
        yield await self.metric_spec(ref, context)
        await asyncio.Event().wait()

    async def metrics(self, request: GetMetricsRequest, context: Any) -> GetMetricsResponse:
        """Replicas that are planned."""
        if request.metricName != METRIC:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"there is no metric {request.metricName!r}: it is {METRIC}")
        count = await self._told(request.scaledObjectRef, context)
        return GetMetricsResponse(metricValues=[MetricValue(metricName=METRIC, metricValue=count, metricValueFloat=float(count))])

    async def _told(self, ref: ScaledObjectRef, context: Any) -> int:
        """Aborts the call where there is no number."""
        told = self._signal.replicas(*await _place(ref, context))
        if isinstance(told, NoSignal):
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION if told.wrong else grpc.StatusCode.UNAVAILABLE, told.why)
            raise AssertionError("abort raises")
        return told


async def _place(ref: ScaledObjectRef, context: Any) -> tuple[WorkloadKey, str]:
    """Whose replicas, and where."""
    workload, pool = (ref.scalerMetadata.get(name, "") for name in ("workload", "pool"))
    if not workload or not pool or not ref.namespace:
        told = "the trigger's metadata must name workload, an InferenceWorkload of the ScaledObject's namespace, and pool"
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, told)
    return WorkloadKey(ref.namespace, workload), pool


def _one(answer: Callable[[Any, Any], Awaitable[Any]], asked: Any) -> Any:
    return grpc.unary_unary_rpc_method_handler(answer, request_deserializer=asked.FromString, response_serializer=_bytes)


def _stream(answer: Callable[[Any, Any], AsyncIterator[Any]], asked: Any) -> Any:
    return grpc.unary_stream_rpc_method_handler(answer, request_deserializer=asked.FromString, response_serializer=_bytes)


def _bytes(message: Any) -> bytes:
    return bytes(message.SerializeToString())
