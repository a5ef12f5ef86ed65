"""Energy is counted, attributed or unknown, and never 0 for unknown."""

import random
from datetime import timedelta
from math import inf, nan

import pytest

from steelyard.core.economics.energy import COVERED, MOST_METERS, MOST_WATTS, NOTHING, Drawn, Meters, between, meters, unit_energy
from unit.core.windows import window
from unit.core.world import START


def counted(seconds: float, *, estimated: bool = False, **joules: float) -> Meters:
    found = meters(joules.items(), START + timedelta(seconds=seconds), estimated=estimated)
    assert found is not None
    return found


def test_what_a_pod_drew_is_what_its_devices_counted_between_two_readings() -> None:
    assert between(counted(0, a=100.0, b=7.0), counted(60, a=400.0, b=8.0)) == Drawn(301.0, 60.0)


@pytest.mark.parametrize(
    "told",
    [
        [],
        [("a", nan)],
        [("a", inf)],
        [("a", -1.0)],
        [("a", 1.0), ("a", 2.0)],
        [(f"device {n}", 1.0) for n in range(MOST_METERS + 1)],
    ],
)
def test_counters_that_cannot_be_believed_tell_nothing(told: list[tuple[str, float]]) -> None:
    assert meters(told, START) is None


def test_a_counter_that_went_back_or_ran_ahead_and_a_device_that_came_tell_nothing_of_that_time() -> None:
    before = counted(0, a=500.0)
    for after in (
        counted(60, a=499.0),
        counted(60, a=500.0 + MOST_WATTS * 60 + 1),
        counted(60, a=600.0, b=1.0),
        counted(60, b=600.0),
        counted(0, a=600.0),
        counted(-5, a=600.0),
        None,
    ):
        assert between(before, after) == NOTHING
    assert between(None, before) == NOTHING


def test_a_stretch_that_is_told_in_part_drew_as_much_in_the_rest_and_one_that_is_hardly_told_is_unknown() -> None:
    assert Drawn(6000.0, 60.0).over(60.0) == 6000.0
    assert Drawn(4500.0, 45.0).over(60.0) == pytest.approx(6000.0)
    assert Drawn(9000.0, 90.0).over(60.0) == pytest.approx(6000.0), "the exporter is scraped between the ends of the window"
    assert Drawn(100.0, COVERED * 60 - 1).over(60.0) is None
    assert NOTHING.over(60.0) is None
    assert NOTHING.over(0.0) is None


def test_an_estimate_in_part_is_an_estimate() -> None:
    assert (Drawn(1.0, 1.0) + Drawn(2.0, 1.0, estimated=True)) == Drawn(3.0, 2.0, estimated=True)
    assert between(counted(0, p=1.0, estimated=True), counted(5, p=2.0, estimated=True)).estimated


def test_a_good_request_draws_all_that_was_drawn_over_the_good_ones() -> None:
    windows = [window(n, good=590, slow=10, replicas=2)._replace(joules=24_000.0 + n) for n in range(8)]
    found = unit_energy(windows, random.Random(1))
    assert found is not None
    assert found.each.point == pytest.approx(24_000 / 590, rel=1e-3)
    assert found.each.lower <= found.each.point <= found.each.upper
    assert found.watts.point == pytest.approx(200.0, rel=1e-3)
    assert (found.load, found.n, found.estimated) == (5.0, 8 * 590, False)


def test_windows_that_tell_no_energy_are_left_out_and_without_any_there_is_no_value() -> None:
    silent, told = window(0, good=600), window(1, good=300)._replace(joules=6000.0, joules_estimated=True)
    found = unit_energy([silent, told], random.Random(1))
    assert found is not None
    assert (found.each.point, found.n, found.estimated) == (20.0, 300, True)
    assert unit_energy([silent], random.Random(1)) is None
    assert unit_energy([window(0, good=0, slow=9)._replace(joules=6000.0)], random.Random(1)) is None
