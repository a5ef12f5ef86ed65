"""A real Prometheus that scrapes model servers on loopback says what a direct scrape says, and never makes a number of a fault."""

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
import yaml

from cluster import binaries
from steelyard.core.reading import Fresh, Stale, Unknown
from steelyard.core.snapshot import WorkloadKey
from steelyard.observe.failure import Failure, Reason
from steelyard.observe.observer import Observer
from steelyard.observe.prometheus_source import PrometheusSource
from steelyard.observe.sample import Sample
from steelyard.observe.scrape import DirectSource
from unit.observe.pods import PLACEMENT, pod
from unit.observe.servers import ModelServer, says, served, stalls

pytestmark = pytest.mark.apiserver

NAMES = ("alpha", "beta", "gamma")
INTERVAL = 1.0
WINDOW = 4


class Wall:
    def now(self) -> datetime:
        return datetime.now(UTC)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Prometheus:
    def __init__(self, folder: Path, targets: dict[str, int]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        configs = [{"targets": [f"127.0.0.1:{port}"], "labels": {"namespace": "shop", "pod": name}} for name, port in targets.items()]
        configuration = {
            "global": {"scrape_interval": "500ms", "scrape_timeout": "400ms"},
            "scrape_configs": [{"job_name": "pods", "static_configs": configs}],
        }
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(configuration))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = binaries.programs(["prometheus"])["prometheus"]
        self._process = subprocess.Popen(
            [
                program,
                f"--config.file={self._folder}/prometheus.yaml",
                f"--storage.tsdb.path={self._folder}/data",
                f"--web.listen-address=127.0.0.1:{self.port}",
                "--scrape.discovery-reload-interval=100ms",
            ],
            stdout=subprocess.DEVNULL,
            stderr=(self._folder / "log").open("ab"),
        )

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None


@dataclass
class Stage:
    servers: dict[str, ModelServer]
    prometheus: Prometheus
    session: aiohttp.ClientSession

    def pods(self) -> list:
        return [pod(name, workload=WorkloadKey("shop", name), metrics_port=server.port) for name, server in self.servers.items()]

    def source(self) -> PrometheusSource:
        return PrometheusSource(self.session, self.prometheus.url, interval_seconds=INTERVAL, timeout_seconds=0.8)

    async def answer(self, name: str):
        return (await self.source().read(self.pods()))[f"uid-{name}"]

    async def until(self, name: str, accept, seconds: float = 15.0):
        answer = None
        for _ in range(int(seconds / 0.2)):
            answer = await self.answer(name)
            if accept(answer):
                return answer
            await asyncio.sleep(0.2)
        raise AssertionError(f"still {answer}")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path


@pytest.fixture
async def stage(folder: Path) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        servers = {name: await stack.enter_async_context(served(ModelServer())) for name in NAMES}
        prometheus = Prometheus(folder, {name: server.port for name, server in servers.items()})
        prometheus.start()
        try:
            stage = Stage(servers, prometheus, session)
            for name in NAMES:
                await stage.until(name, lambda answer: isinstance(answer, Sample))
            yield stage
        finally:
            prometheus.stop()


def failed(reason: Reason):
    return lambda answer: isinstance(answer, Failure) and answer.reason is reason


def key(name: str):
    return WorkloadKey("shop", name), PLACEMENT


async def play(stage: Stage, observer: Observer, rounds: int) -> list[type]:
    """Rounds in real time; every server answers ten requests between two of them. The kinds of the readings of alpha."""
    kinds = []
    for _ in range(rounds):
        for server in stage.servers.values():
            server.good += 9
            server.slow += 1
        await asyncio.sleep(INTERVAL)
        now = datetime.now(UTC)
        await observer.observe(stage.pods(), {WorkloadKey("shop", name): WINDOW for name in NAMES}, now)
        kinds.append(type(observer.reading(key("alpha"), now)))
    return kinds


async def test_the_same_samples_and_windows_as_a_direct_scrape(stage: Stage):
    stage.servers["alpha"].good, stage.servers["alpha"].error = 41, 3
    direct = DirectSource(stage.session, Wall())
    through = await stage.until("alpha", lambda answer: isinstance(answer, Sample) and answer.counts.error == 3)
    scraped = (await direct.read(stage.pods()))["uid-alpha"]
    assert isinstance(scraped, Sample)
    assert (through.counts, through.buckets, through.start) == (scraped.counts, scraped.buckets, scraped.start)

    one, other = Observer(direct, INTERVAL), Observer(stage.source(), INTERVAL)
    for _ in range(11):
        for server in stage.servers.values():
            server.good, server.slow = server.good + 9, server.slow + 1
        await asyncio.sleep(INTERVAL)
        now = datetime.now(UTC)
        for observer in (one, other):
            await observer.observe(stage.pods(), {WorkloadKey("shop", name): WINDOW for name in NAMES}, now)
    mine, theirs = one.reading(key("alpha"), now), other.reading(key("alpha"), now)
    assert isinstance(mine, Fresh)
    assert isinstance(theirs, Fresh)
    # Prometheus scraped a little earlier than we did, so each window may lag by what happened in one round, and no more than that.
    assert len(mine.value.windows) == len(theirs.value.windows) == 2
    for a, b in zip(mine.value.windows, theirs.value.windows, strict=True):
        assert (a.start, a.end, a.cost) == (b.start, b.end, b.cost)
        assert abs(a.offered - b.offered) <= 10
        assert a.offered in (30, 40, 50), "a round that takes long puts its edge into the next window"
    assert one.totals()[key("alpha")].tally.offered - other.totals()[key("alpha")].tally.offered in range(0, 11)


async def test_prometheus_down_is_stale_and_a_full_window_passes_after_it_is_back(stage: Stage):
    observer = Observer(stage.source(), INTERVAL)
    kinds = await play(stage, observer, 6)
    assert kinds[-1] is Fresh
    stage.prometheus.stop()
    kinds = await play(stage, observer, 3)
    assert kinds[-2:] == [Stale, Stale]
    reading = observer.reading(key("alpha"), datetime.now(UTC))
    assert reading.why == f"Prometheus at {stage.prometheus.url} cannot be reached"
    before = len(reading.value.windows)
    stage.prometheus.start()
    await stage.until("alpha", lambda answer: isinstance(answer, Sample))
    kinds = await play(stage, observer, WINDOW - 1)
    assert Fresh not in kinds, "a full window has to pass"
    kinds = await play(stage, observer, 5)
    assert kinds[-1] is Fresh
    reading = observer.reading(key("alpha"), datetime.now(UTC))
    assert len(reading.value.windows) > before
    assert all(0 <= w.offered <= 60 for w in reading.value.windows)


async def test_a_target_that_is_down_is_named_and_others_go_on(stage: Stage):
    observer = Observer(stage.source(), INTERVAL)
    await play(stage, observer, 6)
    stage.servers["alpha"].behaviour = says(status=500)
    kinds = await play(stage, observer, 4)
    assert kinds[-1] is Stale
    now = datetime.now(UTC)
    assert observer.reading(key("alpha"), now).why == 'the query up{namespace="shop",pod="alpha"} says 0: Prometheus cannot scrape the pod'
    assert isinstance(observer.reading(key("beta"), now), Fresh)
    stage.servers["alpha"].behaviour = stalls
    assert (await stage.until("alpha", failed(Reason.TARGET_DOWN))).reason is Reason.TARGET_DOWN


async def test_a_frozen_target_is_stale(stage: Stage):
    observer = Observer(stage.source(), INTERVAL)
    await play(stage, observer, 6)
    stage.servers["alpha"].clock = datetime.now(UTC).timestamp()
    kinds = await play(stage, observer, 4)
    assert kinds[-1] is Stale
    assert "frozen" in observer.reading(key("alpha"), datetime.now(UTC)).why


async def test_a_pod_that_prometheus_does_not_know_is_unknown_and_not_silent(stage: Stage):
    observer = Observer(stage.source(), INTERVAL)
    now = datetime.now(UTC)
    stranger = pod("stranger", workload=WorkloadKey("shop", "stranger"))
    await observer.observe([stranger], {}, now)
    reading = observer.reading(key("stranger"), now)
    assert isinstance(reading, Unknown)
    assert reading.why.startswith('the query steelyard_server_requests_total{namespace="shop",pod="stranger"} returned nothing')


async def test_a_renamed_metric_is_unknown(stage: Stage):
    stage.servers["beta"].behaviour = says("renamed_total 5\n")
    assert isinstance(await stage.until("beta", failed(Reason.EMPTY)), Failure)


async def test_names_with_quotes_are_a_valid_query(stage: Stage):
    odd = pod('a"} or vector(1) # \\ (x|y).*', namespace='n"s')
    assert (await stage.source().read([odd]))[odd.uid].reason is Reason.EMPTY
