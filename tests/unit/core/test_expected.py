"""A window that shows what a decision expected is told from one that is news."""

from collections.abc import Mapping
from typing import Any

import pytest

from steelyard.core.facts.window import Window
from steelyard.core.placing.expected import CALM, FEW, Expected
from unit.core.windows import window

ALLOWED = 0.01
NOISE = (12, -20, 30, -5, -17, 22, -30, 8, 15, -15)
"""Of counts around 600, about as much as chance alone makes: a standard deviation is 24."""


def calm(good: int = 600, noise: tuple[int, ...] = NOISE, **more: Any) -> list[Window]:
    return [window(at, good=good + noise[at % len(noise)], replicas=2.0, **more) for at in range(CALM)]


def shown(windows: list[Window], **newest: Any) -> bool:
    found = Expected.after(windows)
    assert found is not None
    return found.is_met_by(window(CALM, **{"replicas": 2.0, **newest}), ALLOWED)


@pytest.mark.parametrize("good", [560, 600, 640])
def test_the_same_load_is_no_news(good: int) -> None:
    assert shown(calm(), good=good)


@pytest.mark.parametrize("good", [0, 500, 700])
def test_another_load_is_news(good: int) -> None:
    assert not shown(calm(), good=good)


def test_a_load_that_is_noisier_than_chance_makes_it_has_that_noise_as_usual() -> None:
    wild = calm(noise=tuple(4 * each for each in NOISE))
    assert shown(wild, good=700) and not shown(wild, good=900)


def test_the_noise_of_a_load_is_never_less_than_chance_makes_it() -> None:
    assert shown(calm(noise=(0,)), good=640)


def test_no_traffic_after_no_traffic_is_no_news_and_one_request_is() -> None:
    silent = calm(good=0, noise=(0,))
    assert shown(silent, good=0) and not shown(silent, good=1)


def test_a_rate_known_from_few_windows_leaves_room_for_its_own_noise() -> None:
    """Two standard deviations of a count around 600 are 49; with those of a mean of ten they are 51."""
    assert shown(calm(noise=(0,)), good=650) and not shown(calm(noise=(0,)), good=653)


@pytest.mark.parametrize("missed", [{"slow": 12}, {"error": 12}, {"shed": 12}])
def test_a_promise_that_is_broken_is_news(missed: Mapping[str, int]) -> None:
    assert not shown(calm(), good=588, **missed)
    assert shown(calm(), good=595, **dict.fromkeys(missed, 5))


@pytest.mark.parametrize("other", [{"replicas": 3.0}, {"steady": False}, {"busy": None}, {"cost": None}, {"cost": 120 / 3600 * 1.05}])
def test_another_size_price_or_way_to_tell_is_news(other: Mapping[str, Any]) -> None:
    assert not shown(calm(), good=600, **other)


def test_a_price_is_compared_with_the_newest_one() -> None:
    dearer = 120 / 3600 * 1.05
    before = [*calm()[:5], *(w._replace(cost=dearer) for w in calm()[5:])]
    assert shown(before, good=600, cost=dearer) and not shown(before, good=600)


@pytest.mark.parametrize("other", [{"disturbed": True}, {"buckets": {1.0: 600}}])
def test_a_crash_is_news_and_latencies_that_were_not_told_before(other: Mapping[str, Any]) -> None:
    found = Expected.after(calm())
    assert found is not None
    assert not found.is_met_by(window(CALM, replicas=2.0)._replace(**other), ALLOWED)


@pytest.mark.parametrize(
    "before",
    [
        [],
        calm()[: FEW - 1],
        [*calm()[:-1], window(9, replicas=3.0)],
        [*calm()[: 1 - FEW], window(8, replicas=3.0), window(9, replicas=3.0)],
        [*calm()[:-2], calm()[-2]._replace(steady=False), calm()[-1]],
        [*calm()[:-1], calm()[-1]._replace(disturbed=True)],
    ],
)
def test_who_has_not_been_the_same_for_a_few_windows_expects_nothing(before: list[Window]) -> None:
    assert Expected.after(before) is None


def test_what_was_another_size_or_disturbed_before_that_counts_for_nothing() -> None:
    changed = [window(at, good=900, replicas=3.0) for at in range(CALM - FEW)]
    for before in (changed, [w._replace(disturbed=True) for w in changed]):
        found = Expected.after([*before, *calm()[-FEW:]])
        assert found is not None and found == Expected.after(calm()[-FEW:])


def test_no_more_than_the_newest_windows_are_compared_with() -> None:
    assert Expected.after([*(window(at, good=900, replicas=2.0) for at in range(CALM)), *calm()]) == Expected.after(calm())
