"""Direct scrapes of real servers on loopback."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest

from patience import PATIENCE, until
from steelyard.core.facts.server_page import PageNames, ServerPage
from steelyard.core.vocabulary.reading import Fresh, Stale, Unknown
from steelyard.observe.failure import Failure, Reason
from steelyard.observe.observed_pod import ObservedPod
from steelyard.observe.observer import Observer
from steelyard.observe.profiles import contract_of
from steelyard.observe.sample import Sample
from steelyard.observe.scrape import DirectSource
from steelyard.observe.source import Answer
from unit.control.virtual_time import VirtualClock, run
from unit.observe.pods import KEY, WORKLOAD, pod, sample
from unit.observe.servers import ModelServer, bombs, floods, says, served, stalls, trickles

SHORT = 0.3
"""Seconds that one who never answers is waited for."""
ENDLESS = (stalls, trickles)


class Wall:
    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with served(ModelServer()) as server:
        yield server


def direct(timeout: float = PATIENCE) -> DirectSource:
    return DirectSource(Wall(), timeout_seconds=timeout, round_seconds=PATIENCE, largest=200_000)


async def ask(server, timeout: float = PATIENCE, **changes):
    (answer,) = (await direct(timeout).read([pod(metrics_port=server.port, **changes)])).values()
    return answer


async def test_a_pod_is_read(server):
    server.good, server.slow = 7, 2
    answer = await ask(server)
    assert isinstance(answer, Sample)
    assert (answer.counts.tally.good, answer.counts.tally.slow) == (7, 2)


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (stalls, Reason.TIMEOUT),
        (trickles, Reason.TIMEOUT),
        (floods, Reason.TOO_LARGE),
        (bombs, Reason.CONTENT_TYPE),
        (says(status=500), Reason.STATUS),
        (says(status=302, Location="/elsewhere"), Reason.STATUS),
        (says(""), Reason.MISSING),
        (says("<html>", content_type="text/html"), Reason.CONTENT_TYPE),
        (says("{}", content_type="application/json"), Reason.CONTENT_TYPE),
        (says("garbage"), Reason.SYNTAX),
        (says("up 1\n"), Reason.MISSING),
    ],
)
async def test_a_server_that_misbehaves_is_a_failure_with_a_reason_even_if_it_never_ends(server, behaviour, reason):
    server.behaviour = behaviour
    answer = await ask(server, SHORT if behaviour in ENDLESS else PATIENCE)
    assert isinstance(answer, Failure)
    assert answer.reason is reason
    assert "shop/a" in answer.why
    assert server.scrapes == 1 or (behaviour in ENDLESS and server.scrapes == 0), "redirects are not followed"


async def test_a_pod_that_is_down_or_has_no_address_is_a_failure(server):
    down = (await direct().read([pod(metrics_port=1)]))["uid-a"]
    assert down == Failure(Reason.UNREACHABLE, "pod shop/a cannot be reached at /metrics on port 1")
    for address in (None, "", "metadata.internal", "127.0.0.1/x"):
        assert (await ask(server, address=address)).reason is Reason.ADDRESS


async def test_ipv6_addresses_are_asked():
    answer = (await direct().read([pod(address="::1", metrics_port=1)]))["uid-a"]
    assert answer.reason is Reason.UNREACHABLE


def test_a_round_ends_in_time_with_an_answer_for_every_pod(monkeypatch):
    async def never(_: DirectSource, some: ObservedPod) -> bytes:
        await asyncio.Event().wait()
        raise AssertionError(some)

    monkeypatch.setattr(DirectSource, "_fetch", never)

    async def a_round() -> tuple[float, Mapping[str, Answer]]:
        clock = VirtualClock()
        answers = await DirectSource(clock, timeout_seconds=0.3, round_seconds=1.0).read([pod(f"{n:03}") for n in range(400)])
        return clock.monotonic(), answers

    seconds, answers = run(a_round())
    assert seconds == pytest.approx(1.0)
    assert {answer.reason for answer in answers.values()} == {Reason.TIMEOUT, Reason.NOT_REACHED}
    assert len(answers) == 400
    assert len({answer.why for answer in answers.values() if answer.reason is Reason.NOT_REACHED}) == 1, "whoever it was"


def test_pods_that_stall_keep_no_other_from_being_read(monkeypatch):
    healthy = True

    async def answer(_: DirectSource, some: ObservedPod):
        if some.name == "zz" and healthy:
            return sample(0)
        await asyncio.sleep(0.05)
        return Failure(Reason.TIMEOUT, some.name)

    monkeypatch.setattr("steelyard.observe.scrape.AT_ONCE", 4)
    monkeypatch.setattr(DirectSource, "_ask", answer)
    source = DirectSource(VirtualClock(), timeout_seconds=0.1, round_seconds=0.2)
    pods = [pod(f"{n:03}") for n in range(40)] + [pod("zz")]

    async def read_after(rounds: int) -> bool:
        for _ in range(rounds):
            if isinstance((await source.read(pods))["uid-zz"], Sample):
                return True
        return False

    async def scenario() -> None:
        nonlocal healthy
        assert await read_after(12), "its turn comes"
        for _ in range(2):
            assert await read_after(1), "once read it is among the first"
        healthy = False
        await source.read(pods)
        healthy = True
        assert await read_after(12), "a pod that comes back is not kept waiting for ever"

    run(scenario())


def test_a_round_that_ran_out_of_time_goes_on_where_it_stopped(monkeypatch):
    async def answer(_: DirectSource, __: ObservedPod):
        await asyncio.sleep(0.1)
        return sample(0)

    monkeypatch.setattr("steelyard.observe.scrape.AT_ONCE", 4)
    monkeypatch.setattr(DirectSource, "_ask", answer)
    pods = [pod(f"{n:03}") for n in range(100)]

    async def scenario() -> Counter[str]:
        source, read = DirectSource(VirtualClock(), timeout_seconds=0.5, round_seconds=1.01), Counter[str]()
        for _ in range(3):
            read.update(uid for uid, answer in (await source.read(pods)).items() if isinstance(answer, Sample))
        return read

    read = run(scenario())
    assert len(read) == 100, "40 in a round, and everybody in three"
    assert max(read.values()) <= 2


class Patient:
    """Waits long, but not for one who never answers."""

    name = "direct"

    def __init__(self, server: ModelServer) -> None:
        self._long, self._short, self._server = direct(), direct(SHORT), server

    async def read(self, pods: Sequence[ObservedPod]) -> Mapping[str, Answer]:
        return await (self._short if self._server.behaviour in ENDLESS else self._long).read(pods)


@pytest.mark.parametrize(
    "behaviour",
    [stalls, trickles, says(status=500), says(""), says("garbage"), says("x", content_type="text/html"), floods, "down", "frozen"],
)
async def test_every_fault_makes_stale_within_two_rounds_and_a_full_window_passes_after_it(behaviour):
    server, now = ModelServer(), datetime.now(UTC)
    observer = Observer(Patient(server), 5.0)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(served(server))
        port = server.port

        async def rounds(count: int) -> list[type]:
            nonlocal now
            kinds = []
            for _ in range(count):
                server.good += 5
                now += timedelta(seconds=5)
                await observer.observe([pod(metrics_port=port)], {WORKLOAD: 10}, lambda now=now: now)
                kinds.append(type(observer.reading(KEY, now)))
            return kinds

        assert await rounds(4) == [Fresh] * 4
        if behaviour == "down":
            await stack.aclose()
        elif behaviour == "frozen":
            server.clock = 5.0
            await rounds(1)
        else:
            server.behaviour = behaviour
        assert await rounds(2) == ([Stale, Stale] if behaviour == "frozen" else [Fresh, Stale])
        why = observer.reading(KEY, now).why
        assert "shop/a" in why
        await rounds(1)
        assert observer.reading(KEY, now).why == why, "the sentence does not drift"
        server.behaviour = server.clock = None
        if behaviour == "down":
            await stack.enter_async_context(served(server, port))
        assert await rounds(3) == [Stale, Stale, Fresh]
        windows = observer.reading(KEY, now).value.windows
        assert windows[-1].good == 10
        assert observer.totals()[KEY].tally.good == server.good


async def test_never_answered_is_unknown():
    observer, now = Observer(direct(), 5.0), datetime.now(UTC)
    for _ in range(3):
        now += timedelta(seconds=5)
        await observer.observe([pod(metrics_port=1)], {}, lambda now=now: now)
    assert observer.reading(KEY, now) == Unknown("pod shop/a cannot be reached at /metrics on port 1")
    assert observer.refused == {("direct", Reason.UNREACHABLE): 3}


async def test_a_cancelled_round_leaves_no_scrape_behind(server):
    server.behaviour = stalls
    task = asyncio.create_task(direct().read([pod(metrics_port=server.port)]))
    await until(lambda: server.scrapes)
    before = len(asyncio.all_tasks())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: len(asyncio.all_tasks()) < before)


async def test_a_name_that_is_not_on_the_page_is_told_with_what_is_near(server):
    text = 'n_total 3\nrequest_failures_total 1\nt_bucket{le="+Inf"} 3\n'
    names = {"requests": "n_total", "errors": "request_failure_total", "whole": "t"}
    server.behaviour = says(text)
    sample = await ask(server, contract=contract_of(ServerPage(names=PageNames(**names), promises=(("e2e", 0.1),), port=1)))
    lacks = await ask(server, contract=contract_of(ServerPage(names=PageNames(requests="nn_total"), promises=(), port=1)))
    assert isinstance(sample, Sample)
    assert sample.doubts == (
        "request_failure_total is not on the page: the page has request_failures_total: correct the name, or the profile",
    )
    assert isinstance(lacks, Failure) and lacks.reason is Reason.MISSING
    assert "has no nn_total; the page has n_total: correct the name, or the profile" in lacks.why
