"""A real Prometheus that scrapes model servers on loopback says what a direct scrape says, and never makes a number of a fault."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import aiohttp
import pytest
import yaml

from cluster import binaries
from free_port import free_port
from patience import PATIENCE
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.server_page import PageNames, ServerPage
from steelyard.core.vocabulary.reading import Fresh, Stale, Unknown
from steelyard.observe.failure import Failure, Reason
from steelyard.observe.observed_pod import ObservedPod
from steelyard.observe.observer import Observer
from steelyard.observe.profiles import contract_of
from steelyard.observe.prometheus_source import PrometheusSource
from steelyard.observe.sample import Sample, Tally
from steelyard.observe.scrape import DirectSource
from steelyard.observe.source import Answer
from unit.observe.pods import PLACEMENT, pod
from unit.observe.servers import ModelServer, says, served, stalls

pytestmark = pytest.mark.apiserver

NAMES = ("alpha", "beta", "gamma")
INTERVAL = 1.0
"""Seconds between two rounds, as the test counts them: a round ends once Prometheus has scraped every server anew, however long that takes."""
WINDOW = 4
ALIGNED = timedelta(milliseconds=10)
"""More than Prometheus shifts the time of a scrape by, to keep them evenly apart."""
LOOK_BACK = 20.0
"""Seconds between rounds, as the source is told: it takes what is at most three of these old."""


class Wall:
    def now(self) -> datetime:
        return datetime.now(UTC)


class Prometheus:
    def __init__(self, folder: Path, targets: dict[str, int], exporters: Mapping[bool, int] = MappingProxyType({})) -> None:
        """exporters: port of one whose labels give way to those of its own pod, or (True) do not."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        configs = [{"targets": [f"127.0.0.1:{port}"], "labels": {"namespace": "shop", "pod": name}} for name, port in targets.items()]
        configuration = {
            "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
            "scrape_configs": [
                {"job_name": "pods", "static_configs": configs},
                *(
                    {
                        "job_name": f"exporter-{honored}",
                        "honor_labels": honored,
                        "static_configs": [{"targets": [f"127.0.0.1:{port}"], "labels": {"namespace": "monitoring", "pod": "exporter-x7"}}],
                    }
                    for honored, port in exporters.items()
                ),
            ],
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
            self._process.wait(PATIENCE)
            self._process = None

    @property
    def running(self) -> bool:
        return self._process is not None


@dataclass
class Stage:
    servers: dict[str, ModelServer]
    prometheus: Prometheus
    session: aiohttp.ClientSession
    down: set[str] = field(default_factory=set)
    """Servers that Prometheus cannot scrape."""

    def pods(self) -> list:
        return [pod(name, workload=WorkloadKey("shop", name), metrics_port=server.port) for name, server in self.servers.items()]

    def source(self) -> PrometheusSource:
        return PrometheusSource(self.session, self.prometheus.url, interval_seconds=LOOK_BACK, timeout_seconds=PATIENCE)

    async def answer(self, name: str):
        return (await self.source().read(self.pods()))[f"uid-{name}"]

    async def until(self, name: str, accept):
        async with asyncio.timeout(PATIENCE):
            while not accept(answer := await self.answer(name)):
                await asyncio.sleep(0.1)
        return answer


class Scraped:
    """What Prometheus says once it has scraped every server since it was asked, and has found those down that are."""

    name = "prometheus"

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def read(self, pods: Sequence[ObservedPod]) -> Mapping[str, Answer]:
        asked = datetime.now(UTC) + ALIGNED
        async with asyncio.timeout(PATIENCE):
            while True:
                answers = await self._stage.source().read(pods)
                if not self._stage.prometheus.running or all(self._is_news(each, answers[each.uid], asked) for each in pods):
                    return answers
                await asyncio.sleep(0.1)

    def _is_news(self, of: ObservedPod, answer: Answer, asked: datetime) -> bool:
        if of.name in self._stage.down:
            return failed(Reason.TARGET_DOWN)(answer)
        return isinstance(answer, Sample) and answer.at > asked


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


@dataclass
class Rounds:
    """Rounds of observers; between two of them every server answers ten requests."""

    stage: Stage
    observers: tuple[Observer, ...]
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def play(self, count: int) -> list[type]:
        """The kinds of the first one's readings of alpha."""
        kinds = []
        for _ in range(count):
            for server in self.stage.servers.values():
                server.good += 9
                server.slow += 1
            self.now += timedelta(seconds=INTERVAL)
            for observer in self.observers:
                await observer.observe(self.stage.pods(), {WorkloadKey("shop", name): WINDOW for name in NAMES}, lambda: self.now)
            kinds.append(type(self.reading("alpha")))
        return kinds

    def reading(self, name: str, of: int = 0):
        return self.observers[of].reading(key(name), self.now)


def through_prometheus(stage: Stage) -> Observer:
    return Observer(Scraped(stage), INTERVAL)


async def test_the_same_samples_and_windows_as_a_direct_scrape(stage: Stage):
    stage.servers["alpha"].good, stage.servers["alpha"].error = 41, 3
    direct = DirectSource(Wall(), timeout_seconds=PATIENCE, round_seconds=PATIENCE)
    through = await stage.until("alpha", lambda answer: isinstance(answer, Sample) and answer.counts.error == 3)
    scraped = (await direct.read(stage.pods()))["uid-alpha"]
    assert isinstance(scraped, Sample)
    assert (through.counts, through.buckets, through.start) == (scraped.counts, scraped.buckets, scraped.start)

    one, other = Observer(direct, INTERVAL), through_prometheus(stage)
    rounds = Rounds(stage, (one, other))
    await rounds.play(2 * WINDOW + 1)
    mine, theirs = rounds.reading("alpha", 0), rounds.reading("alpha", 1)
    assert isinstance(mine, Fresh)
    assert isinstance(theirs, Fresh)
    assert [w.offered for w in mine.value.windows] == [40, 40]
    for a, b in zip(mine.value.windows, theirs.value.windows, strict=True):
        assert (a.start, a.end, a.cost, a.good, a.slow) == (b.start, b.end, b.cost, b.good, b.slow)
    assert one.totals()[key("alpha")].tally == other.totals()[key("alpha")].tally


async def test_prometheus_down_is_stale_and_a_full_window_passes_after_it_is_back(stage: Stage):
    rounds = Rounds(stage, (through_prometheus(stage),))
    assert (await rounds.play(6))[-1] is Fresh
    stage.prometheus.stop()
    assert (await rounds.play(3))[-2:] == [Stale, Stale]
    reading = rounds.reading("alpha")
    assert reading.why == f"Prometheus at {stage.prometheus.url} cannot be reached"
    before = len(reading.value.windows)
    stage.prometheus.start()
    await stage.until("alpha", lambda answer: isinstance(answer, Sample))
    assert Fresh not in await rounds.play(WINDOW), "a full window has to pass"
    assert (await rounds.play(5))[-1] is Fresh
    reading = rounds.reading("alpha")
    assert len(reading.value.windows) > before
    assert all(0 <= w.offered <= 60 for w in reading.value.windows)


async def test_a_target_that_is_down_is_named_and_others_go_on(stage: Stage):
    rounds = Rounds(stage, (through_prometheus(stage),))
    await rounds.play(6)
    stage.servers["alpha"].behaviour = says(status=500)
    stage.down.add("alpha")
    assert (await rounds.play(4))[-1] is Stale
    assert rounds.reading("alpha").why == 'the query up{namespace="shop",pod="alpha"} says 0: Prometheus cannot scrape the pod'
    assert isinstance(rounds.reading("beta"), Fresh)
    stage.servers["alpha"].behaviour = stalls
    assert (await stage.until("alpha", failed(Reason.TARGET_DOWN))).reason is Reason.TARGET_DOWN


async def test_a_frozen_target_is_stale(stage: Stage):
    rounds = Rounds(stage, (through_prometheus(stage),))
    await rounds.play(6)
    stage.servers["alpha"].clock = datetime.now(UTC).timestamp()
    assert (await rounds.play(4))[-1] is Stale
    assert "frozen" in rounds.reading("alpha").why


async def test_a_pod_that_prometheus_does_not_know_is_unknown_and_not_silent(stage: Stage):
    observer = Observer(stage.source(), INTERVAL)
    now = datetime.now(UTC)
    stranger = pod("stranger", workload=WorkloadKey("shop", "stranger"))
    await observer.observe([stranger], {}, lambda: now)
    reading = observer.reading(key("stranger"), now)
    assert isinstance(reading, Unknown)
    assert reading.why.startswith('the query steelyard_server_requests_total{namespace="shop",pod="stranger"} returned nothing')


async def test_a_renamed_metric_is_unknown(stage: Stage):
    stage.servers["beta"].behaviour = says("renamed_total 5\n")
    assert isinstance(await stage.until("beta", failed(Reason.EMPTY)), Failure)


async def test_names_with_quotes_are_a_valid_query(stage: Stage):
    odd = pod('a"} or vector(1) # \\ (x|y).*', namespace='n"s')
    assert (await stage.source().read([odd]))[odd.uid].reason is Reason.EMPTY


BY_NAME = """n_total{handler="/predict",pod="p1",outcome="ok"} 10
n_total{handler="/predict",pod="p1",outcome="bad"} 2
n_total{handler="/health",pod="p1",outcome="ok"} 500
t_seconds_bucket{handler="/predict",le="0.1"} 8
t_seconds_bucket{handler="/predict",le="+Inf"} 10
"""


async def test_metrics_by_name_are_read_with_their_labels_and_a_name_that_is_lacking_is_told_with_what_is_near(stage: Stage):
    stage.servers["gamma"].behaviour = says(BY_NAME)
    names = PageNames(
        requests="n_total",
        labels=(("handler", ("/predict",)),),
        request_labels=(("outcome", ("ok",)),),
        errors="n_total",
        error_labels=(("outcome", ("bad",)),),
        whole="t_seconds",
    )

    async def read(names: PageNames, accept) -> Answer:
        contract = contract_of(ServerPage(names=names, promises=(("e2e", 0.1),), allowed=(0.01,), port=1))
        async with asyncio.timeout(PATIENCE):
            while not accept(answer := (await stage.source().read([pod("gamma", contract=contract)]))["uid-gamma"]):
                await asyncio.sleep(0.1)
        return answer

    answer = await read(names, lambda answer: isinstance(answer, Sample))
    assert isinstance(answer, Sample)
    assert answer.counts.tally == Tally(good=8, slow=2, error=2)
    lacks = await read(replace(names, requests="m_total"), lambda answer: isinstance(answer, Failure) and "n_total" in answer.why)
    assert isinstance(lacks, Failure) and "the page has n_total: correct the name, or the profile" in lacks.why
    doubted = await read(replace(names, errors="tt_seconds"), lambda answer: isinstance(answer, Sample) and bool(answer.doubts))
    assert isinstance(doubted, Sample) and "tt_seconds is not on the page: the page has t_seconds" in doubted.doubts[0]


DEVICES = """# TYPE DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION counter
DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{gpu="0",UUID="GPU-1",device="nvidia0",container="server",namespace="shop",pod="alpha"} 4500
DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{gpu="1",UUID="GPU-2",device="nvidia1",container="server",namespace="shop",pod="alpha"} 500
DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{gpu="2",UUID="GPU-3",device="nvidia2",container="",namespace="",pod=""} 70
"""
PROCESSORS = """# TYPE kepler_pod_cpu_joules_total counter
kepler_pod_cpu_joules_total{node_name="n",pod_id="uid-beta",pod_name="beta",pod_namespace="shop",state="running",zone="package"} 12.5
kepler_pod_cpu_joules_total{node_name="n",pod_id="uid-beta",pod_name="beta",pod_namespace="shop",state="running",zone="core"} 9
kepler_pod_cpu_joules_total{node_name="n",pod_id="uid-beta",pod_name="beta",pod_namespace="shop",state="terminated",zone="package"} 3
"""


@pytest.mark.parametrize("honored", [False, True], ids=["its own pod's labels come first", "honor_labels"])
async def test_what_exporters_count_of_a_pods_energy_is_found_under_either_kind_of_labels(folder: Path, honored: bool):
    devices = pod("alpha", cpu_limit=None, resources=Resources(4.0, 16.0, 2.0))
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        servers = {name: await stack.enter_async_context(served(ModelServer())) for name in ("alpha", "beta")}
        exporter = await stack.enter_async_context(served(ModelServer()))
        exporter.behaviour = says(DEVICES + PROCESSORS, content_type="text/plain")
        prometheus = Prometheus(folder, {name: server.port for name, server in servers.items()}, {honored: exporter.port})
        prometheus.start()
        try:
            source = PrometheusSource(session, prometheus.url, interval_seconds=LOOK_BACK, timeout_seconds=PATIENCE)
            async with asyncio.timeout(PATIENCE):
                while True:
                    answers = await source.read([devices, pod("beta")])
                    meters = {uid: answer.meters for uid, answer in answers.items() if isinstance(answer, Sample)}
                    if meters.get("uid-alpha") and meters.get("uid-beta"):
                        break
                    await asyncio.sleep(0.1)
        finally:
            prometheus.stop()
    told = {uid: (dict(found.joules), found.estimated) for uid, found in meters.items() if found is not None}
    assert told == {"uid-alpha": ({"GPU-1": 4.5, "GPU-2": 0.5}, False), "uid-beta": ({"package": 12.5}, True)}
