"""externalscaler.ExternalScaler of KEDA (2.21): the fleet's plan as a metric whose target is one replica.

KEDA takes a number that is 0 for a number, and clamps what is negative to 0: so what is not known is an error of gRPC, upon which the replicas stay or
its `fallback` begins. The trigger's metadata names `workload` and `pool`; the namespace is the ScaledObject's own, so that nobody reads another's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

import grpc

from steelyard.control.authority import authority
from steelyard.control.grpc_server import Bounds, GrpcServer, Tls, one, stream
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


class Signal(Protocol):
    """Where the numbers come from."""

    def replicas(self, key: WorkloadKey, pool: str) -> int | NoSignal:
        """Of a workload on a pool."""
        ...


class ExternalScaler:
    """Listens for KEDA."""

    def __init__(self, signal: Signal, *, host: str, port: int, tls: Tls | None, look_seconds: float = LOOK_SECONDS) -> None:
        self._signal = signal
        self._look_seconds = look_seconds
        self._server = GrpcServer(SERVICE, self._methods(), authority(host, port), tls, Bounds(MOST_BYTES, AT_ONCE))

    async def start(self) -> int:
        """Listen. Returns the port. Raises OSError without a certificate that can be read, RuntimeError where the port is taken."""
        return await self._server.start()

    async def stop(self) -> None:
        """Stop listening."""
        await self._server.stop()

    def _methods(self) -> Mapping[str, Any]:
        return {
            "IsActive": one(self.is_active, ScaledObjectRef),
            "StreamIsActive": stream(self.stream_is_active, ScaledObjectRef),
            "GetMetricSpec": one(self.metric_spec, ScaledObjectRef),
            "GetMetrics": one(self.metrics, GetMetricsRequest),
            "StreamMetricSpec": stream(self.stream_metric_spec, ScaledObjectRef),
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
