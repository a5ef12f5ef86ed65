"""Pods, samples and rounds for tests, in virtual time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.observe.failure import Failure, Reason
from steelyard.observe.observed_pod import ObservedPod
from steelyard.observe.observer import Observer
from steelyard.observe.sample import Counts, Sample
from steelyard.observe.source import Answer

T0 = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
WORKLOAD = WorkloadKey("shop", "minilm")
PLACEMENT = PlacementKey("cpu-a", "r1")
KEY = (WORKLOAD, PLACEMENT)
DOWN = Failure(Reason.UNREACHABLE, "pod shop/a cannot be reached")


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def pod(name: str = "a", **changes: object) -> ObservedPod:
    facts = ObservedPod(
        uid=f"uid-{name}",
        name=name,
        namespace="shop",
        workload=WORKLOAD,
        placement=PLACEMENT,
        address="127.0.0.1",
        metrics_port=9090,
        ready=True,
        created=at(-3600),
        started=at(-3590),
        deleting=False,
        ended=None,
        termination_message=None,
        cost_per_hour=0.36,
        cpu_limit=1.0,
    )
    return replace(facts, **changes)  # type: ignore[arg-type]


def sample(
    seconds: float,
    good: int = 0,
    slow: int = 0,
    error: int = 0,
    shed: int = 0,
    *,
    start: float | None = 1.0,
    cpu: float | None = 0.0,
    **more: object,
) -> Sample:
    values: dict[str, object] = {
        "at": at(seconds),
        "counts": Counts(answered=good + slow, error=error, shed=shed, within=good, observed=good + slow),
        "cpu_seconds": cpu,
        "busy_seconds": None,
        "buckets": {0.1: good, float("inf"): good + slow},
        "start": start,
        "clock": 1e9 + seconds,
        "content": int(seconds * 1000),
    }
    return Sample(**{**values, **more})  # type: ignore[arg-type]


class Script:
    """A source that says what the test put into it."""

    name = "script"

    def __init__(self) -> None:
        self.answers: Mapping[str, Answer] = {}
        self.asked: Sequence[ObservedPod] = ()
        self.meanwhile: Callable[[], None] = lambda: None

    async def read(self, pods: Sequence[ObservedPod]) -> Mapping[str, Answer]:
        self.asked = pods
        self.meanwhile()
        return {each.uid: self.answers[each.uid] for each in pods if each.uid in self.answers}


class Rounds:
    """An observer on a script; `go` is one round of five seconds."""

    def __init__(self, window: int = 20, interval: float = 5.0) -> None:
        self.source = Script()
        self.news: list[WorkloadKey] = []
        self.observer = Observer(self.source, interval, self.news.append)
        self.interval = interval
        self.window = window
        self.seconds = 0.0

    async def go(self, pods: Sequence[ObservedPod], answers: Mapping[str, Answer], takes: float = 0.0) -> None:
        """`takes`: seconds from the list of pods to the last answer."""
        self.seconds += self.interval
        self.source.answers = {f"uid-{name}": answer for name, answer in answers.items()}
        self.source.meanwhile = lambda: self._pass(takes)
        windows = dict.fromkeys({p.workload for p in pods} | {WORKLOAD}, self.window)
        await self.observer.observe(pods, windows, lambda: at(self.seconds))

    def _pass(self, seconds: float) -> None:
        self.seconds += seconds

    def reading(self, key=KEY):
        return self.observer.reading(key, at(self.seconds))

    @property
    def next(self) -> float:
        return self.seconds + self.interval
