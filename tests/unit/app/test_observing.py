"""Readings, wired: what is kept of workloads goes with them, and the counters of those that are there go on."""

from types import SimpleNamespace
from typing import Any

import pytest

from steelyard.app.config import ObserveConfig
from steelyard.app.observing import Observing
from steelyard.control.telemetry.metrics import Metrics
from steelyard.core.economics.energy import Meters
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.tokens import Counted, Tokens
from steelyard.observe.sample import Counts, Within
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

    async def go(self, *workloads: WorkloadKey, good: int, later: float = 5, **told: object) -> None:
        """told: of the sample of each pod."""
        self.seconds += later
        pods = [pod(workload.name, workload=workload) for workload in workloads]
        self.source.answers = {each.uid: sample(self.seconds, good, **told) for each in pods}
        await self.observing.round(pods, dict.fromkeys(workloads, 60))

    def lines(self, name: str) -> list[str]:
        """Of /metrics."""
        page = self.metrics.page().decode()
        return [line for line in page.splitlines() if line.startswith(name + "{")]

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


@pytest.mark.parametrize(("estimated", "method"), [(False, "measured"), (True, "estimated")])
async def test_the_energy_that_is_told_is_counted_by_how_it_is_known_and_what_is_not_told_has_no_series(
    estimated: bool, method: str
) -> None:
    rounds, name = Rounds(), "steelyard_workload_energy_joules_total"
    try:
        for good in (10, 20):
            await rounds.go(WORKLOAD, good=good)
        assert rounds.lines(name) == []
        for good, joules in ((30, 7000.0), (40, 7750.0), (50, 8500.0)):
            await rounds.go(WORKLOAD, good=good, meters=Meters(at(rounds.seconds + 5), {"package": joules}, estimated))
        assert rounds.lines(name) == [f'{name}{{method="{method}",namespace="shop",pool="cpu-a",workload="minilm"}} 1500.0']
    finally:
        await rounds.observing.close()


async def test_tokens_are_counted_where_a_server_tells_them_and_have_no_series_where_it_does_not() -> None:
    rounds, name = Rounds(), "steelyard_workload_tokens_total"
    try:
        await rounds.go(WORKLOAD, good=10)
        assert rounds.lines(name) == []
        for good in (20, 30, 45):
            tokens = Counted(input=300 * good, cached=None, output=9 * good)
            await rounds.go(WORKLOAD, good=good, tokens=Tokens(every=tokens.plus(tokens), good=tokens))
        told = [f'{name}{{direction="{direction}",namespace="shop",pool="cpu-a",workload="minilm"}}' for direction in ("input", "output")]
        assert rounds.lines(name) == [f"{told[0]} 7500.0", f"{told[1]} 225.0"]
    finally:
        await rounds.observing.close()


async def test_requests_are_counted_once_in_whichever_round_they_are_told() -> None:
    rounds = Rounds()
    try:
        for good, counted in ((10, []), (10, []), (25, ["15.0"]), (25, ["15.0"]), (40, ["30.0"]), (41, ["31.0"])):
            await rounds.go(WORKLOAD, good=good)
            told = rounds.lines("steelyard_workload_requests_total")
            assert [line.split()[-1] for line in told if 'outcome="good"' in line] == counted
    finally:
        await rounds.observing.close()


async def test_requests_that_may_have_been_good_are_not_counted_as_slow() -> None:
    rounds = Rounds()
    try:
        for answered in (10, 20, 35):
            told = Within(least=answered // 5, most=answered // 5 * 3, observed=answered)
            await rounds.go(WORKLOAD, good=answered, counts=Counts(answered=answered, told=(told,)))
        lines = {line.split('outcome="')[1].split('"')[0]: line.split()[-1] for line in rounds.lines("steelyard_workload_requests_total")}
        assert lines == {"good": "5.0", "slow": "10.0", "unsure": "10.0"}
    finally:
        await rounds.observing.close()
