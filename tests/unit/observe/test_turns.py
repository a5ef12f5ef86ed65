"""Large fleets are read in turns."""

import asyncio
from dataclasses import replace

import pytest

from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.vocabulary.reading import Fresh
from steelyard.observe.observed_pod import ObservedPod
from steelyard.observe.observer import SLICE, Observer
from steelyard.observe.turns import AT_MOST, Turns
from unit.observe.pods import Script, at, pod, sample


def fleet(workloads: int, replicas: int = 2) -> list[ObservedPod]:
    pods = []
    for number in range(workloads):
        workload = WorkloadKey("shop", f"w{number:03d}")
        pods += [pod(f"{number:03d}-{replica}", workload=workload, placement=PlacementKey("a", "r")) for replica in range(replicas)]
    return pods


def grouped(pods: list[ObservedPod]) -> dict[tuple[WorkloadKey, PlacementKey], list[ObservedPod]]:
    groups: dict[tuple[WorkloadKey, PlacementKey], list[ObservedPod]] = {}
    for each in pods:
        groups.setdefault((each.workload, each.placement), []).append(each)
    return groups


@pytest.mark.parametrize("workloads", [1, 10, 50, 51, 100, 149, 150, 151, 1000])
def test_every_placement_is_read_at_least_each_third_round_and_a_small_fleet_in_each(workloads: int) -> None:
    turns, groups = Turns(each_round=100), grouped(fleet(workloads))
    last = dict.fromkeys(groups, 0)
    for number in range(1, 13):
        read = turns.next(groups)
        assert len(read) <= -(-workloads // turns.rounds) + 1, "no round has more than its share"
        for key in read:
            last[key] = number
        if number >= AT_MOST:
            assert number - min(last.values()) < turns.rounds
    assert turns.rounds == min(AT_MOST, -(-2 * workloads // 100))


def test_what_became_different_is_read_at_once() -> None:
    turns, groups = Turns(each_round=10), grouped(fleet(30))
    for _ in range(AT_MOST):
        turns.next(groups)
    key = max(turns.next(groups))
    groups[key] = [replace(each, deleting=True) for each in groups[key]]
    assert key in turns.next(groups)


async def test_a_fleet_that_is_read_in_turns_stays_fresh_and_each_window_counts_every_request() -> None:
    source, pods, asked = Script(), fleet(30), set[str]()
    observer = Observer(source, 5.0, turns=Turns(each_round=20))
    keys = list(grouped(pods))
    for number in range(1, 61):
        source.answers = {each.uid: sample(5.0 * number, 50 * number, cpu=1.0 * number) for each in pods}
        await observer.observe(pods, {}, lambda number=number: at(5.0 * number))
        assert len(source.asked) <= 20
        asked |= {each.uid for each in source.asked}
        if number > AT_MOST:
            assert all(isinstance(observer.reading(key, at(5.0 * number)), Fresh) for key in keys), number
    assert len(asked) == 60
    for key in keys:
        windows = observer.reading(key, at(300.0)).value.windows
        assert len(windows) == 4
        assert {(window.good, window.steady, (window.end - window.start).total_seconds()) for window in windows} == {(1200, True, 60.0)}


async def test_a_round_lets_others_go_on_between_placements() -> None:
    turns, stop = 0, False

    async def other() -> None:
        nonlocal turns
        while not stop:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    await asyncio.sleep(0)
    before, pods = turns, fleet(10 * SLICE, replicas=1)
    await Observer(Script(), 5.0, turns=Turns(each_round=len(pods))).observe(pods, {}, lambda: at(5.0))
    assert turns - before >= 2 * 9
    stop = True
    await beside
