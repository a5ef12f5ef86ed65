"""/metrics by HTTPS: who may read it, what that costs the API server and the loop, and certificates that are renewed."""

import asyncio
import ssl

import aiohttp
import pytest

from cluster.certificates import Authority
from steelyard.control.kube.errors import Unreachable
from steelyard.control.telemetry.certificate import Certificate
from steelyard.control.telemetry.metrics_page import MetricsPage
from steelyard.control.telemetry.metrics_server import MetricsServer
from steelyard.control.telemetry.scrape_access import AT_ONCE, REMEMBERED, Access, ScrapeAccess
from unit.control.virtual_time import ManualClock

PROMETHEUS = {
    "username": "system:serviceaccount:monitoring:prometheus",
    "uid": "u",
    "groups": ["system:authenticated"],
    "extra": {"a": ["b"]},
}


class Cluster:
    """The API server as reviews see it: `prometheus` may read, `curious` may not, and nobody else is known."""

    def __init__(self):
        self.asked = []
        self.down = False
        self.waits = None

    async def create(self, resource, manifest, *, within=None):
        self.asked.append((resource.kind, manifest["spec"]))
        if self.waits is not None:
            await self.waits.wait()
        if self.down:
            raise Unreachable("no route", subject="create", write=True)
        spec = manifest["spec"]
        if resource.kind == "TokenReview":
            known = spec["token"] in {"prometheus", "curious"}
            return {"status": {"authenticated": True, "user": {**PROMETHEUS, "username": spec["token"]}} if known else {}}
        return {"status": {"allowed": spec["user"] == "prometheus"}}


@pytest.fixture
def cluster():
    return Cluster()


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def access(cluster, clock):
    return ScrapeAccess(cluster, clock)


async def test_the_api_server_says_who_a_token_is_and_what_it_may(access, cluster):
    assert await access.of("") is Access.UNAUTHENTICATED
    assert cluster.asked == [], "without a token there is nothing to ask"
    assert await access.of("made up") is Access.UNAUTHENTICATED
    assert await access.of("curious") is Access.FORBIDDEN
    assert await access.of("prometheus") is Access.GRANTED
    kind, asked = cluster.asked[-1]
    assert kind == "SubjectAccessReview"
    assert asked == {
        "user": "prometheus",
        "groups": PROMETHEUS["groups"],
        "uid": "u",
        "extra": {"a": ["b"]},
        "nonResourceAttributes": {"path": "/metrics", "verb": "get"},
    }


@pytest.mark.parametrize("token", ["prometheus", "curious", "made up"])
async def test_an_answer_is_believed_for_a_minute(access, cluster, clock, token):
    first = await access.of(token)
    asked = len(cluster.asked)
    clock.seconds += 59
    assert await access.of(token) is first
    assert len(cluster.asked) == asked
    clock.seconds += 2
    assert await access.of(token) is first
    assert len(cluster.asked) == 2 * asked


async def test_no_answer_is_no_permission_and_is_not_remembered(access, cluster):
    cluster.down = True
    assert await access.of("prometheus") is Access.UNDECIDED
    cluster.down = False
    assert await access.of("prometheus") is Access.GRANTED


async def test_made_up_tokens_cost_a_bounded_number_of_questions_and_of_memories(access, cluster):
    cluster.waits = asyncio.Event()
    asking = [asyncio.create_task(access.of(f"made up {n}")) for n in range(5 * AT_ONCE)]
    twice = asyncio.create_task(access.of("made up 0"))
    while len(cluster.asked) < AT_ONCE:
        await asyncio.sleep(0)
    cluster.waits.set()
    answers = await asyncio.gather(*asking)
    assert answers.count(Access.UNAUTHENTICATED) == AT_ONCE
    assert answers.count(Access.UNDECIDED) == 4 * AT_ONCE
    assert await twice is Access.UNAUTHENTICATED
    assert len(cluster.asked) == AT_ONCE, "the same token is asked for once"
    for n in range(REMEMBERED + 10):
        await access.of(f"another {n}")
    assert len(access._answers) == REMEMBERED


async def test_a_caller_that_hangs_up_takes_the_answer_from_nobody(access, cluster):
    cluster.waits = asyncio.Event()
    gone, stays = asyncio.create_task(access.of("prometheus")), asyncio.create_task(access.of("prometheus"))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    cluster.waits.set()
    assert await stays is Access.GRANTED


def put(folder, authority, name):
    """A certificate in a folder, as kubelet puts a Secret there."""
    issued = authority.issue(name, name, addresses=("DNS:steelyard-metrics", "IP:127.0.0.1"))
    for source, target in ((issued.certificate, "tls.crt"), (issued.key, "tls.key")):
        (folder / f"{target}.new").write_bytes(source.read_bytes())
        (folder / f"{target}.new").rename(folder / target)


@pytest.fixture
def authority(tmp_path):
    made = Authority(tmp_path / "authority")
    made.create()
    return made


@pytest.fixture
async def served(access, clock, authority, tmp_path):
    folder = tmp_path / "mounted"
    folder.mkdir()
    put(folder, authority, "first")
    page = MetricsPage(lambda: b"things_total 1.0\n", clock)
    server = MetricsServer(host="127.0.0.1", port=0, certificate=Certificate(folder), access=access, page=page)
    port = await server.start()
    yield folder, port, ssl.create_default_context(cafile=authority.authority.certificate)
    await server.stop()


async def ask(port, context, **headers):
    async with aiohttp.ClientSession() as session, session.get(f"https://127.0.0.1:{port}/metrics", ssl=context, headers=headers) as answer:
        return answer.status, await answer.text(), answer.headers


async def test_it_is_answered_to_whom_the_api_server_lets_in(served, cluster):
    _, port, context = served
    status, said, headers = await ask(port, context)
    assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "bearer token" in said
    assert (await ask(port, context, Authorization="Basic prometheus"))[0] == 401
    assert (await ask(port, context, Authorization="Bearer curious"))[0] == 403
    status, said, _ = await ask(port, context, Authorization="Bearer prometheus")
    assert (status, "things_total 1.0" in said) == (200, True)
    cluster.down = True
    assert (await ask(port, context, Authorization="Bearer another"))[0] == 503
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"http://127.0.0.1:{port}/metrics")


async def test_a_renewed_certificate_is_served_without_a_restart(served, authority):
    folder, port, context = served

    async def shown():
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        subject = writer.get_extra_info("peercert")["subject"]
        writer.close()
        return dict(part[0] for part in subject)["commonName"]

    assert await shown() == "first"
    put(folder, authority, "second")
    assert await shown() == "second"
    (folder / "tls.crt").write_text("half of a certificate")
    assert await shown() == "second", "what cannot be used is not served"
