"""KEDA's external scaler, asked by a gRPC client: numbers of the plan, an error wherever there is none, and TLS as KEDA speaks it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from cluster.certificates import Authority
from loopbacks import loopbacks
from steelyard.control.grpc_server import Tls
from steelyard.control.keda.external_scaler import METRIC, MOST_BYTES, SERVICE, ExternalScaler
from steelyard.control.keda.external_scaler_pb2 import (
    DESCRIPTOR,
    GetMetricSpecResponse,
    GetMetricsRequest,
    GetMetricsResponse,
    IsActiveResponse,
    ScaledObjectRef,
)
from steelyard.control.keda.plan_signal import NoSignal
from steelyard.control.listening import EVERYWHERE
from steelyard.core.facts.identity import WorkloadKey

CHAT = WorkloadKey("team-a", "chat")
SOON = 10.0


class Told:
    """What there is to tell, by workload and pool."""

    def __init__(self) -> None:
        self.of: dict[tuple[WorkloadKey, str], int | NoSignal] = {(CHAT, "gpu"): 3}

    def replicas(self, key: WorkloadKey, pool: str) -> int | NoSignal:
        return self.of.get((key, pool), NoSignal("there is none", wrong=True))


class Client:
    """As KEDA asks."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel

    def one(self, method: str, request: Any, answer: Any) -> Any:
        return self._channel.unary_unary(f"/{SERVICE}/{method}", _bytes, answer.FromString)(request, timeout=SOON)

    def stream(self, method: str, request: Any, answer: Any) -> Any:
        return self._channel.unary_stream(f"/{SERVICE}/{method}", _bytes, answer.FromString)(request)


def _bytes(message: Any) -> bytes:
    return bytes(message.SerializeToString())


def ref(namespace: str = "team-a", **metadata: str) -> ScaledObjectRef:
    given = {"scalerAddress": "steelyard-scaler.steelyard:8090", "workload": "chat", "pool": "gpu", **metadata}
    return ScaledObjectRef(name="chat-gpu", namespace=namespace, scalerMetadata=given)


def asking(told: Told, scene: Callable[[Client], Awaitable[None]], tls: Tls | None = None, credentials: Any = None) -> None:
    async def play() -> None:
        scaler = ExternalScaler(told, host="localhost", port=0, tls=tls, look_seconds=0.01)
        where = f"localhost:{await scaler.start()}"
        channel = grpc.aio.insecure_channel(where) if credentials is None else grpc.aio.secure_channel(where, credentials)
        try:
            async with channel:
                await asyncio.wait_for(scene(Client(channel)), 3 * SOON)
        finally:
            await scaler.stop()

    asyncio.run(play())


async def refused(call: Any) -> Any:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return error.value


def test_every_loopback_of_the_machine_reaches_it() -> None:
    async def play() -> None:
        scaler = ExternalScaler(Told(), host=EVERYWHERE, port=0, tls=None)
        port = await scaler.start()
        try:
            for address in loopbacks():
                async with grpc.aio.insecure_channel(f"{address}:{port}") as channel:
                    await asyncio.wait_for(channel.channel_ready(), 3 * SOON)
        finally:
            await scaler.stop()

    asyncio.run(play())


def test_the_contract_is_that_of_keda() -> None:
    methods = DESCRIPTOR.services_by_name["ExternalScaler"].methods
    assert DESCRIPTOR.services_by_name["ExternalScaler"].full_name == SERVICE
    assert {m.name: (m.input_type.name, m.output_type.name, m.server_streaming) for m in methods} == {
        "IsActive": ("ScaledObjectRef", "IsActiveResponse", False),
        "StreamIsActive": ("ScaledObjectRef", "IsActiveResponse", True),
        "GetMetricSpec": ("ScaledObjectRef", "GetMetricSpecResponse", False),
        "GetMetrics": ("GetMetricsRequest", "GetMetricsResponse", False),
        "StreamMetricSpec": ("ScaledObjectRef", "GetMetricSpecResponse", True),
    }
    # As kedacore/keda v2.21.0, pkg/scalers/externalscaler/externalscaler.proto, has them on the wire.
    fields = {m: {f.name: (f.number, _type(f)) for f in message.fields} for m, message in DESCRIPTOR.message_types_by_name.items()}
    assert fields == {
        "ScaledObjectRef": {"name": (1, "string"), "namespace": (2, "string"), "scalerMetadata": (3, "map<string, string>")},
        "IsActiveResponse": {"result": (1, "bool")},
        "MetricSpec": {"metricName": (1, "string"), "targetSize": (2, "int64"), "targetSizeFloat": (3, "double")},
        "GetMetricSpecResponse": {"metricSpecs": (1, "repeated MetricSpec")},
        "GetMetricsRequest": {"scaledObjectRef": (1, "ScaledObjectRef"), "metricName": (2, "string")},
        "MetricValue": {"metricName": (1, "string"), "metricValue": (2, "int64"), "metricValueFloat": (3, "double")},
        "GetMetricsResponse": {"metricValues": (1, "repeated MetricValue")},
    }


def _type(field: Any) -> str:
    """As the language of protocol buffers says it."""
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        key, value = (_type(kind.fields_by_name[name]) for name in ("key", "value"))
        return f"map<{key}, {value}>"
    names = {getattr(field, f"TYPE_{name.upper()}"): name for name in ("string", "bool", "int64", "double")}
    told = kind.name if kind is not None else names[field.type]
    return f"repeated {told}" if field.is_repeated else told


def test_the_metric_is_the_planned_replicas_and_its_target_is_one() -> None:
    async def scene(keda: Client) -> None:
        (spec,) = (await keda.one("GetMetricSpec", ref(), GetMetricSpecResponse)).metricSpecs
        assert (spec.metricName, spec.targetSize, spec.targetSizeFloat) == (METRIC, 1, 1.0)
        (value,) = (
            await keda.one("GetMetrics", GetMetricsRequest(scaledObjectRef=ref(), metricName=METRIC), GetMetricsResponse)
        ).metricValues
        assert (value.metricName, value.metricValue, value.metricValueFloat) == (METRIC, 3, 3.0)
        assert (await keda.one("IsActive", ref(), IsActiveResponse)).result

    asking(Told(), scene)


def test_where_none_is_planned_it_is_inactive() -> None:
    told = Told()
    told.of[CHAT, "gpu"] = 0

    async def scene(keda: Client) -> None:
        assert not (await keda.one("IsActive", ref(), IsActiveResponse)).result

    asking(told, scene)


def test_what_is_not_known_is_an_error_and_never_a_number() -> None:
    told = Told()
    told.of[CHAT, "gpu"] = NoSignal("the load is not known")

    async def scene(keda: Client) -> None:
        for call in (
            keda.one("GetMetrics", GetMetricsRequest(scaledObjectRef=ref(), metricName=METRIC), GetMetricsResponse),
            keda.one("IsActive", ref(), IsActiveResponse),
        ):
            error = await refused(call)
            assert (error.code(), error.details()) == (grpc.StatusCode.UNAVAILABLE, "the load is not known")
        # KEDA makes its HorizontalPodAutoscaler by the spec alone.
        assert (await keda.one("GetMetricSpec", ref(), GetMetricSpecResponse)).metricSpecs

    asking(told, scene)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (ref(workload=""), grpc.StatusCode.INVALID_ARGUMENT),
        (ref(pool=""), grpc.StatusCode.INVALID_ARGUMENT),
        (ref(namespace=""), grpc.StatusCode.INVALID_ARGUMENT),
        (ref(namespace="team-b"), grpc.StatusCode.FAILED_PRECONDITION),
        (ref(pool="nowhere"), grpc.StatusCode.FAILED_PRECONDITION),
        (ref(filler="x" * MOST_BYTES), grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
)
def test_who_asks_wrongly_is_told_what_is_wrong(asked: ScaledObjectRef, code: Any) -> None:
    async def scene(keda: Client) -> None:
        error = await refused(keda.one("IsActive", asked, IsActiveResponse))
        assert error.code() is code

    asking(Told(), scene)


def test_another_metric_is_not_answered_by_this_one() -> None:
    async def scene(keda: Client) -> None:
        request = GetMetricsRequest(scaledObjectRef=ref(), metricName="queue")
        error = await refused(keda.one("GetMetrics", request, GetMetricsResponse))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT and METRIC in error.details()

    asking(Told(), scene)


def test_a_stream_tells_at_once_and_then_what_changes_and_stays_open_in_silence_while_nothing_is_known() -> None:
    """KEDA opens one that ended with an error only after a pause, which grows to a minute."""
    told = Told()

    async def scene(keda: Client) -> None:
        stream = keda.stream("StreamIsActive", ref(), IsActiveResponse)
        assert (await stream.read()).result
        again = asyncio.ensure_future(stream.read())
        assert not (await asyncio.wait({again}, timeout=0.2))[0], "twenty looks, and nothing has changed"
        told.of[CHAT, "gpu"] = 0
        assert not (await again).result
        for why in (NoSignal("the load is not known"), NoSignal("it has no replica there", wrong=True)):
            told.of[CHAT, "gpu"] = why
            again = asyncio.ensure_future(stream.read())
            assert not (await asyncio.wait({again}, timeout=0.2))[0]
            told.of[CHAT, "gpu"] = 2
            assert (await again).result

    asking(told, scene)


def test_a_stream_that_is_asked_for_wrongly_ends_with_what_is_wrong() -> None:
    async def scene(keda: Client) -> None:
        error = await refused(keda.stream("StreamIsActive", ref(pool=""), IsActiveResponse).read())
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT

    asking(Told(), scene)


def test_the_stream_of_specs_tells_at_once_what_the_call_tells_and_stays_open() -> None:
    async def scene(keda: Client) -> None:
        stream = keda.stream("StreamMetricSpec", ref(), GetMetricSpecResponse)
        assert await stream.read() == await keda.one("GetMetricSpec", ref(), GetMetricSpecResponse)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(stream.read(), 0.2)

    asking(Told(), scene)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("authority"))
    made.create()
    return made


def served(folder: Path, authority: Authority, name: str) -> Path:
    """A folder as the Secret is mounted."""
    pair = authority.issue(name, "steelyard", addresses=("DNS:localhost",))
    for file, of in (("tls.crt", pair.certificate), ("tls.key", pair.key), ("ca.crt", authority.authority.certificate)):
        (folder / file).write_bytes(of.read_bytes())
    return folder


async def _is_active(keda: Client) -> None:
    assert (await keda.one("IsActive", ref(), IsActiveResponse)).result


async def _refuses(keda: Client) -> None:
    error = await refused(keda.one("IsActive", ref(), IsActiveResponse))
    assert error.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("clients", [False, True])
def test_by_tls_who_has_no_certificate_is_let_in_only_where_none_is_asked_for(tmp_path: Path, authority: Authority, clients: bool) -> None:
    tls = Tls(served(tmp_path, authority, "scaler"), clients)
    root = authority.authority.certificate.read_bytes()
    keda = authority.issue("keda", "keda")
    known = grpc.ssl_channel_credentials(root, keda.key.read_bytes(), keda.certificate.read_bytes())
    asking(Told(), _is_active, tls, known)
    asking(Told(), _refuses if clients else _is_active, tls, grpc.ssl_channel_credentials(root))


def test_a_renewed_certificate_is_served_and_one_that_is_half_written_is_not(
    tmp_path: Path, authority: Authority, tmp_path_factory: Any
) -> None:
    folder = served(tmp_path, authority, "scaler")
    another = Authority(tmp_path_factory.mktemp("another"))
    another.create()

    async def play() -> None:
        scaler = ExternalScaler(Told(), host="localhost", port=0, tls=Tls(folder, clients=False))
        where = f"localhost:{await scaler.start()}"

        async def asked(by: Authority) -> None:
            credentials = grpc.ssl_channel_credentials(by.authority.certificate.read_bytes())
            # One connection for each, as channels to one address share theirs.
            async with grpc.aio.secure_channel(where, credentials, options=(("grpc.use_local_subchannel_pool", 1),)) as channel:
                await _is_active(Client(channel))

        try:
            await asked(authority)
            (folder / "tls.key").unlink()
            await asked(authority)
            served(folder, another, "scaler")
            await asked(another)
        finally:
            await scaler.stop()

    asyncio.run(play())
