import asyncio
import json
import math

import pytest
from aiohttp import web
from kubernetes.aio.client import Configuration

from patience import AGAIN, PATIENCE
from steelyard.control.clock import AnchoredClock
from steelyard.control.kube.api_client import ApiClient, Timeouts
from steelyard.control.kube.credentials import CredentialsMissing, InCluster, Kubeconfig
from steelyard.control.kube.errors import (
    Conflict,
    ConnectionLost,
    Gone,
    NotFound,
    ServerError,
    TimedOut,
    TooManyRequests,
    Unauthorized,
    Unreachable,
)
from steelyard.control.kube.fence import LeadershipLost, OpenFence
from steelyard.control.kube.resource import DEPLOYMENTS, LEASES, NODES, PODS, SERVICES
from steelyard.control.kube.throttle import Throttle
from unit.control.virtual_time import ManualClock

PATIENT = Timeouts(connect=PATIENCE, request=PATIENCE, page=PATIENCE)


class Server:
    """Answers what the test queued, and remembers what was asked."""

    def __init__(self):
        self.answers, self.asked = [], []
        self.runner = None

    async def __aenter__(self):
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self.handle)
        self.runner = web.AppRunner(application, shutdown_timeout=0.1, handler_cancellation=True)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self.runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_):
        await self.runner.cleanup()

    async def handle(self, request):
        body = await request.text()
        self.asked.append((request.method, request.path, dict(request.query), dict(request.headers), json.loads(body) if body else None))
        answer = self.answers.pop(0) if self.answers else {}
        if callable(answer):
            return await answer(request)
        if isinstance(answer, tuple):
            status, payload, *headers = answer
            return web.json_response(payload, status=status, headers=headers[0] if headers else None)
        return web.json_response(answer)


class Fixed:
    """Credentials with a token that changes with each load."""

    def __init__(self, host):
        self.host, self.loads = host, 0

    async def load(self):
        self.loads += 1
        configuration = Configuration(host=self.host)
        configuration.api_key["BearerToken"] = f"Bearer token-{self.loads}"
        return configuration


class Fence:
    def __init__(self):
        self.shut, self.left, self.checks, self.shut_after = False, math.inf, 0, None

    def check(self):
        self.checks += 1
        if self.shut or (self.shut_after is not None and self.checks > self.shut_after):
            raise LeadershipLost("shut")

    def patience(self):
        return self.left


@pytest.fixture
async def server():
    async with Server() as running:
        yield running


@pytest.fixture
async def connect(server):
    clients = []

    async def make(**options):
        client = await ApiClient.connect(Fixed(server.url), **{"clock": AnchoredClock(), "timeouts": PATIENT, **options})
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.close()


async def test_pages_are_followed_with_the_selectors_and_the_list_has_one_version(server, connect):
    client = await connect()
    server.answers = [
        {"metadata": {"resourceVersion": "7", "continue": "a b/c="}, "items": [{"n": 1}]},
        {"metadata": {"resourceVersion": "7"}, "items": [{"n": 2}]},
    ]
    listing = await client.list(PODS, "team a", label_selector="x=y", page_size=1)
    assert ([item["n"] for item in listing.items], listing.version) == ([1, 2], "7")
    assert listing.items[0] == {"apiVersion": "v1", "kind": "Pod", "n": 1}, "the server leaves these out of lists"
    assert server.asked[0][1] == "/api/v1/namespaces/team a/pods"
    assert server.asked[1][2] == {"limit": "1", "labelSelector": "x=y", "continue": "a b/c="}


@pytest.mark.parametrize(
    ("answer", "streams"),
    [
        ({"type": "BOOKMARK", "object": {"metadata": {"annotations": {"k8s.io/initial-events-end": "true"}}}}, True),
        ({"type": "BOOKMARK", "object": {"metadata": {}}}, False),
        ({}, False),
        ((422, {"reason": "Invalid", "message": "sendInitialEvents is forbidden"}), False),
        ((503, {}), False),
    ],
    ids=["it does", "another bookmark", "an older server ends the watch", "it is turned off", "no answer"],
)
async def test_a_watch_begins_with_what_is_there_only_where_the_server_has_shown_it(server, connect, answer, streams):
    client = await connect()
    server.answers = [answer]
    assert await client.streams_lists(NODES) is streams


async def test_a_list_keeps_of_each_object_what_it_is_told_to(server, connect):
    client = await connect()
    server.answers = [{"metadata": {"resourceVersion": "7"}, "items": [{"n": 1}, {"n": 2}]}]
    assert (await client.list(PODS, keep=lambda manifest: {"n": 10 * manifest["n"]})).items == [{"n": 10}, {"n": 20}]


async def test_a_continue_token_that_expired_starts_the_list_again_unpaged(server, connect):
    client = await connect()
    server.answers = [
        {"metadata": {"continue": "t"}, "items": [{"n": 1}]},
        (410, {"reason": "Expired"}),
        {"metadata": {"resourceVersion": "9"}, "items": [{"n": 1}, {"n": 2}]},
    ]
    assert len((await client.list(NODES)).items) == 2
    assert server.asked[2][2] == {"limit": "0"}
    server.answers = [(410, {"reason": "Expired"})]
    with pytest.raises(Gone):
        async for _ in client.pages(NODES):
            pass


async def test_every_update_names_its_version_and_us_as_the_manager(server, connect):
    client = await connect()
    await client.apply(SERVICES, {"metadata": {"namespace": "n", "name": "s", "resourceVersion": "3"}})
    await client.patch_scale(DEPLOYMENTS, "n", "d", 4, version="5")
    await client.patch_status(NODES, None, "x", {"a": 1}, version="6", uid="u")
    await client.delete(PODS, "n", "p", uid="u", version="7")
    apply, scale, status, delete = server.asked
    assert apply[0] == "PATCH" and apply[2]["fieldManager"] == "steelyard" and apply[2]["force"] == "false"
    assert apply[3]["Content-Type"] == "application/apply-patch+yaml"
    assert scale[1].endswith("/deployments/d/scale") and scale[4] == {"metadata": {"resourceVersion": "5"}, "spec": {"replicas": 4}}
    assert status[1] == "/api/v1/nodes/x/status" and status[4] == {"metadata": {"resourceVersion": "6", "uid": "u"}, "status": {"a": 1}}
    assert delete[4]["preconditions"] == {"uid": "u", "resourceVersion": "7"}
    with pytest.raises(ValueError, match="resourceVersion"):
        await client.apply(SERVICES, {"metadata": {"namespace": "n", "name": "s"}})
    with pytest.raises(ValueError, match="resourceVersion"):
        await client.patch_scale(DEPLOYMENTS, "n", "d", 4, version="")
    with pytest.raises(ValueError, match="uid"):
        await client.delete(PODS, "n", "p", uid="")
    assert len(server.asked) == 4


async def test_errors_are_typed_and_say_what_was_asked(server, connect):
    client = await connect()
    server.answers = [(404, {"message": "pods x not found"}), (500, {}), (409, {"reason": "Conflict"}), lambda _: _page()]
    with pytest.raises(NotFound, match="get /api/v1/namespaces/n/pods/x: pods x not found"):
        await client.get(PODS, "n", "x")
    with pytest.raises(ServerError) as failed:
        await client.create(PODS, {"metadata": {"namespace": "n", "name": "x"}})
    assert failed.value.maybe_committed
    with pytest.raises(Conflict):
        await client.patch_scale(DEPLOYMENTS, "n", "d", 1, version="1")
    with pytest.raises(ServerError, match="a proxy's page"):
        await client.get(PODS, "n", "x")


async def _page():
    return web.Response(status=502, text="<html>a proxy's page</html>")


async def test_a_401_makes_it_read_the_credentials_again_once(server):
    credentials = Fixed(server.url)
    async with await ApiClient.connect(credentials, clock=AnchoredClock(), timeouts=PATIENT) as client:
        server.answers = [(401, {}), {"ok": True}]
        assert await client.get(PODS, "n", "x") == {"ok": True}
        assert [asked[3]["Authorization"] for asked in server.asked] == ["Bearer token-1", "Bearer token-2"]
        server.answers = [(401, {}), (401, {})]
        with pytest.raises(Unauthorized):
            await client.get(PODS, "n", "x")


async def refused(client):
    with pytest.raises(TooManyRequests) as answer:
        await client.create(PODS, {"metadata": {"namespace": "n", "name": "x"}})
    return answer.value


async def test_a_429_silences_all_writes_for_as_long_as_the_server_asked_and_no_reading(server, connect):
    clock = ManualClock()  # sleeping takes no time and is seen
    client = await connect(throttle=Throttle(clock, rate=1000, burst=1000))
    server.answers = [(429, {}, {"Retry-After": "3"})]
    answer = await refused(client)
    assert answer.retry_after == 3.0 and not answer.maybe_committed
    before = clock.seconds
    await client.get(PODS, "n", "x")
    assert clock.seconds == before
    await client.patch_scale(DEPLOYMENTS, "n", "d", 1, version="1")
    assert clock.seconds >= before + 3


async def test_the_elector_renews_its_lease_through_any_silence_that_others_or_it_were_asked_for(server, connect):
    """The wiring of the operator: its own client throttled, the elector's view of it not."""
    clock = ManualClock()
    client = await connect(throttle=Throttle(clock, rate=0.001, burst=1))
    elector = client.view(fence=OpenFence())
    server.answers = [(429, {}, {"Retry-After": "32"})]
    await refused(client)
    before = clock.seconds
    lease = {"metadata": {"namespace": "n", "name": "steelyard", "resourceVersion": "1"}}
    server.answers = [{}, (429, {}, {"Retry-After": "32"}), {}]
    await elector.get(LEASES, "n", "steelyard")
    with pytest.raises(TooManyRequests):
        await elector.replace(LEASES, lease)
    await elector.replace(LEASES, lease)
    assert clock.seconds == before


async def test_a_shut_fence_sends_nothing_and_stops_no_reading(server, connect):
    fence = Fence()
    client = await connect(fence=fence)
    fence.shut = True
    with pytest.raises(LeadershipLost):
        await client.patch_scale(DEPLOYMENTS, "n", "d", 1, version="1")
    assert server.asked == []
    await client.get(PODS, "n", "x")


async def test_a_fence_that_shuts_while_the_connection_is_made_stops_the_body(server, connect):
    fence = Fence()
    client = await connect(fence=fence)
    fence.shut_after = 1  # the first look passes, the one beside the socket does not
    with pytest.raises(LeadershipLost):
        await client.patch_scale(DEPLOYMENTS, "n", "d", 1, version="1")
    assert fence.checks == 2
    await asyncio.sleep(0.05)
    assert server.asked == []


async def test_no_write_waits_longer_than_until_another_could_lead_and_the_server_is_told(server, connect):
    fence = Fence()
    client = await connect(fence=fence)
    fence.left = PATIENCE - 0.8
    await client.patch_scale(DEPLOYMENTS, "n", "d", 1, version="1")
    assert server.asked[0][2]["timeout"] == f"{PATIENCE:.0f}s"

    async def never(_):
        await asyncio.Event().wait()

    server.answers = [never] * len(AGAIN)
    for times in AGAIN:
        fence.left = 0.2 * times
        with pytest.raises(TimedOut) as late:
            await client.patch_scale(DEPLOYMENTS, "n", "d", 1, version="1")
        if late.value.maybe_committed:  # a busy machine may not have sent it in time
            break
    assert late.value.maybe_committed


async def test_lost_and_refused_connections_tell_whether_a_write_may_have_happened(server, connect):
    client = await connect()

    async def cut(request):
        request.transport.abort()
        return web.Response()

    server.answers = [cut]
    with pytest.raises(ConnectionLost) as lost:
        await client.create(PODS, {"metadata": {"namespace": "n", "name": "x"}})
    assert lost.value.maybe_committed
    await server.runner.cleanup()
    with pytest.raises(Unreachable) as refused:
        await client.create(PODS, {"metadata": {"namespace": "n", "name": "x"}})
    assert not refused.value.maybe_committed


async def test_the_date_header_anchors_the_clock_and_every_answer_is_observed(server, connect):
    clock, seen = AnchoredClock(), []

    class Observer:
        def request_ended(self, verb, resource, code, seconds):
            seen.append((verb, resource, code, seconds >= 0))

    client = await connect(clock=clock, observer=Observer(), on_date=clock.anchor)
    server.answers = [{}, (404, {})]
    await client.get(DEPLOYMENTS, "n", "d")
    with pytest.raises(NotFound):
        await client.get(NODES, None, "x")
    assert clock.anchored and not clock.suspect()
    assert seen == [("get", "deployments.apps", 200, True), ("get", "nodes", 404, True)]


async def test_a_probe_tells_whether_a_resource_is_served(server, connect):
    client = await connect()
    server.answers = [{"resources": [{"name": "pods"}]}, (404, {}), {"resources": []}]
    assert [await client.serves(PODS) for _ in range(3)] == [True, False, False]
    server.answers = [{"major": "1", "minor": "37+"}]
    assert await client.server_version() == (1, 37)


async def test_a_view_has_its_own_fence_on_the_same_connection(server, connect):
    fence = Fence()
    client = await connect()
    fence.shut = True
    with pytest.raises(LeadershipLost):
        await client.view(fence=fence).patch_scale(DEPLOYMENTS, "n", "d", 1, version="1")
    await client.patch_scale(DEPLOYMENTS, "n", "d", 1, version="1")


async def test_missing_credentials_say_what_to_do(tmp_path, monkeypatch):
    with pytest.raises(CredentialsMissing, match="kubeconfig"):
        await Kubeconfig(tmp_path / "none").load()
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(CredentialsMissing, match="automountServiceAccountToken"):
        await InCluster().load()


async def test_in_a_pod_the_token_file_is_read_again(tmp_path, monkeypatch):
    token, certificate = tmp_path / "token", tmp_path / "ca.crt"
    token.write_text("first")
    certificate.write_text("x")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    configuration = await InCluster(str(token), str(certificate)).load()
    assert configuration.host == "https://10.0.0.1:443"
    assert await configuration.get_api_key_with_prefix("BearerToken") == "bearer first"
    token.write_text("second")
    assert (await InCluster(str(token), str(certificate)).load()).api_key["BearerToken"] == "bearer second"
