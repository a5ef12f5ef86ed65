"""Readings, wired: what is kept of workloads goes with them, and the counters of those that are there go on."""

from types import SimpleNamespace
from typing import Any

from steelyard.app.config import ObserveConfig
from steelyard.app.observing import Observing
from steelyard.control.telemetry.metrics import Metrics
from steelyard.core.facts.identity import WorkloadKey
from unit.observe.pods import WORKLOAD, Script, at, pod, sample

OTHER = WorkloadKey("shop", "other")


class Rounds:
    """The real one on a scripted source."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.metrics = Metrics()
        clock: Any = SimpleNamespace(now=lambda: at(self.seconds), monotonic=lambda: self.seconds)
        self.observing = Observing(ObserveConfig(), clock, self.metrics, on_window=lambda _: None)
        self.source = self.observing._observer._source = Script()

    async def go(self, *workloads: WorkloadKey, good: int, later: float = 5) -> None:
        self.seconds += later
        pods = [pod(workload.name, workload=workload) for workload in workloads]
        self.source.answers = {each.uid: sample(self.seconds, good) for each in pods}
        await self.observing.round(pods, dict.fromkeys(workloads, 60))

    @property
    def kept(self) -> set[str]:
        return {workload.name for workload, _ in self.observing._told}


async def test_of_a_workload_that_is_gone_nothing_is_kept_and_its_neighbour_counts_on() -> None:
    rounds = Rounds()
    try:
        for good in (10, 20):
            await rounds.go(WORKLOAD, OTHER, good=good)
        assert rounds.kept == {"minilm", "other"}
        await rounds.go(WORKLOAD, good=30)
        assert rounds.kept == {"minilm", "other"}, "its pods are remembered for a while: a list may have been incomplete"
        await rounds.go(WORKLOAD, good=40, later=700)
        await rounds.go(WORKLOAD, good=50)
        assert rounds.kept == {"minilm"}
        assert rounds.observing._observer.workloads == {WORKLOAD}
    finally:
        await rounds.observing.close()
