"""Joules of windows, by what pods' counters tell from round to round."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from steelyard.core.economics.energy import Meters
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.window import Window
from steelyard.observe.contract import STEELYARD
from steelyard.observe.exposition import parse
from unit.observe.pods import KEY, T0, Rounds, at, pod, sample
from unit.observe.test_exposition import exposition

WATTS = 150.0


def told(seconds: float, joules: float, device: str = "GPU-1", *, estimated: bool = False) -> Meters:
    return Meters(at(seconds), {device: joules}, estimated)


def joules(rounds: Rounds) -> Sequence[float | None]:
    return [w.joules for w in windows(rounds)]


def windows(rounds: Rounds) -> Sequence[Window]:
    found: Sequence[Window] = rounds.reading().value.windows
    return found


async def run(rounds: Rounds, meters: Sequence[Meters | None], *names: str, **pods: object) -> None:
    """A round for each of the meters: the same of each pod."""
    for each in meters:
        good = int(rounds.next * 2)
        await rounds.go(
            [pod(name, **pods) for name in names or ("a",)], {name: sample(rounds.next, good, meters=each) for name in names or ("a",)}
        )


async def test_a_window_has_the_joules_that_its_replicas_drew() -> None:
    rounds = Rounds()
    await run(rounds, [told(t, 7000 + WATTS * t) for t in range(5, 50, 5)])
    assert joules(rounds) == [pytest.approx(WATTS * 20)] * 2
    assert not windows(rounds)[0].joules_estimated
    assert rounds.observer.totals()[KEY].joules == pytest.approx(WATTS * 40)


async def test_a_server_that_tells_no_energy_draws_an_unknown_and_not_0() -> None:
    rounds = Rounds()
    await run(rounds, [None] * 9)
    assert joules(rounds) == [None, None]
    assert rounds.observer.totals()[KEY].joules == 0.0


async def test_an_exporter_that_is_scraped_seldom_and_off_the_windows_ends_is_read_all_the_same() -> None:
    """Every 15 s, 4 s after the start of a window of 60 s: twelve rounds see four new samples."""
    rounds = Rounds(window=60)
    await run(rounds, [told(scraped, WATTS * scraped) for t in range(5, 255, 5) for scraped in [(t - 4) // 15 * 15 + 4]])
    assert joules(rounds) == [pytest.approx(WATTS * 60)] * 4


async def test_an_exporter_that_stands_still_makes_the_energy_unknown() -> None:
    rounds = Rounds()
    await run(rounds, [told(t, WATTS * t) for t in range(5, 30, 5)])
    await run(rounds, [told(25, WATTS * 25)] * 4)
    assert joules(rounds) == [pytest.approx(WATTS * 20), None]


async def test_a_counter_that_went_back_makes_its_window_unknown_and_the_next_one_is_counted_again() -> None:
    rounds = Rounds()
    await run(rounds, [told(t, 1e6 + WATTS * t) for t in range(5, 30, 5)])
    await run(rounds, [told(30, 1e6 + WATTS * 30), told(35, 0.0), told(40, 1.0), told(45, 0.5)])
    assert joules(rounds) == [pytest.approx(WATTS * 20), None]
    await run(rounds, [told(t, WATTS * (t - 45)) for t in range(50, 70, 5)])
    assert joules(rounds)[2] == pytest.approx(WATTS * 20, rel=0.01)


async def test_a_part_of_a_nodes_processors_is_an_estimate() -> None:
    rounds = Rounds()
    await run(rounds, [told(t, WATTS * t, "package", estimated=True) for t in range(5, 30, 5)])
    assert [(w.joules, w.joules_estimated) for w in windows(rounds)] == [(pytest.approx(WATTS * 20), True)]
    assert (rounds.observer.totals()[KEY].joules, rounds.observer.totals()[KEY].estimated_joules) == (0.0, pytest.approx(WATTS * 20))


async def test_what_one_of_two_replicas_draws_is_not_taken_for_both() -> None:
    rounds = Rounds()
    for t in range(5, 30, 5):
        answers = {"a": sample(t, 2 * t, meters=told(t, WATTS * t)), "b": sample(t, 2 * t)}
        await rounds.go([pod("a"), pod("b")], answers)
    assert joules(rounds) == [None]


async def test_a_device_that_two_pods_name_is_neithers() -> None:
    rounds = Rounds()
    await run(rounds, [told(t, WATTS * t) for t in range(5, 30, 5)], "a", "b")
    assert joules(rounds) == [None]


async def test_a_device_passes_to_the_next_pod_once_the_first_is_gone() -> None:
    rounds = Rounds()
    await run(rounds, [told(t, WATTS * t) for t in range(5, 30, 5)], "a")
    await run(rounds, [told(t, WATTS * t) for t in range(30, 80, 5)], "b")
    assert joules(rounds)[-1] == pytest.approx(WATTS * 20)


async def test_parts_of_the_nodes_processors_are_each_pods_own() -> None:
    rounds = Rounds()
    await run(rounds, [told(t, WATTS * t, "package", estimated=True) for t in range(5, 30, 5)], "a", "b")
    assert joules(rounds) == [pytest.approx(2 * WATTS * 20)]


async def test_a_pod_with_a_part_of_a_device_does_not_draw_the_whole() -> None:
    rounds = Rounds()
    await run(rounds, [told(t, WATTS * t) for t in range(5, 30, 5)], cpu_limit=None, resources=Resources(4.0, 16.0, 0.25))
    assert joules(rounds) == [None]
    whole = Rounds()
    await run(whole, [told(t, WATTS * t) for t in range(5, 30, 5)], cpu_limit=None, resources=Resources(4.0, 16.0, 2.0))
    assert joules(whole) == [pytest.approx(WATTS * 20)]


def test_our_server_names_its_devices() -> None:
    page = exposition() + 'steelyard_server_device_energy_joules_total{device="GPU-1"} 40\n'
    page += 'steelyard_server_device_energy_joules_total{device="GPU-2"} 2.5\n'
    found = STEELYARD.sample(parse(page.encode(), STEELYARD.wanted), T0, 0)
    assert found.meters == Meters(T0, {"GPU-1": 40.0, "GPU-2": 2.5})
    assert STEELYARD.sample(parse(exposition().encode(), STEELYARD.wanted), T0, 0).meters is None
    assert replace(found, at=T0 + timedelta(seconds=1)).meters == found.meters
