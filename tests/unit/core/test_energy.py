"""Energy is measured, estimated or unknown, and says which."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from steelyard.core.economics.energy import GAP, Energy, Method, counted, estimated, integrated, per_thousand_good
from steelyard.core.vocabulary.reading import Fresh, Stale, Unknown
from unit.core.world import START


def samples(*values: float, seconds: float = 60) -> Sequence[tuple[datetime, float]]:
    return [(START + timedelta(seconds=i * seconds), value) for i, value in enumerate(values)]


def test_watts_are_integrated_over_time() -> None:
    assert integrated(samples(100, 100, 100)) == Fresh(Energy(12_000, Method.MEASURED), START + timedelta(minutes=2))
    ramp = integrated(samples(0, 100))
    assert isinstance(ramp, Fresh)
    assert ramp.value.joules == 3000


def test_a_counter_is_measured_at_both_ends() -> None:
    assert counted(1000.0, 4000.0, START) == Fresh(Energy(3000.0, Method.MEASURED), START)
    for first, last in ((4000.0, 1000.0), (float("nan"), 1.0), (0.0, float("inf"))):
        assert isinstance(counted(first, last, START), Unknown)


def test_a_percentage_of_the_rated_power_is_an_estimate() -> None:
    found = estimated(samples(50, 50), 175.0)
    assert isinstance(found, Fresh)
    assert found.value == Energy(60 * 87.5, Method.ESTIMATED)


@pytest.mark.parametrize("rated", [None, 0.0, -5.0, float("nan")])
def test_without_a_rated_power_a_percentage_says_nothing(rated: float | None) -> None:
    found = estimated(samples(50, 50), rated)
    assert isinstance(found, Unknown)
    assert "give the rated watts" in found.why


@pytest.mark.parametrize(
    "watts",
    [
        [],
        samples(100),
        samples(100, -1),
        samples(100, float("nan")),
        samples(100, 100, seconds=GAP.total_seconds() + 1),
        samples(100, 100, seconds=0),
        list(reversed(samples(100, 100))),
    ],
)
def test_samples_that_cannot_be_believed_are_unknown_and_never_0(watts: Sequence[tuple[datetime, float]]) -> None:
    assert isinstance(integrated(watts), Unknown)


def test_more_than_the_whole_power_is_no_percentage() -> None:
    assert isinstance(estimated(samples(50, 101), 175.0), Unknown)


def test_an_estimate_in_part_is_an_estimate() -> None:
    measured, guessed = Energy(1.0, Method.MEASURED), Energy(2.0, Method.ESTIMATED)
    assert measured + guessed == guessed + measured == Energy(3.0, Method.ESTIMATED)
    assert (measured + measured).method is Method.MEASURED
    assert guessed.times(0.5) == Energy(1.0, Method.ESTIMATED)


def test_a_thousand_good_requests_have_their_energy_and_none_have_no_value() -> None:
    energy = Energy(500.0, Method.MEASURED)
    assert per_thousand_good(Fresh(energy, START), 250) == Fresh(Energy(2000.0, Method.MEASURED), START)
    assert per_thousand_good(Stale(energy, START, "old"), 250) == Stale(Energy(2000.0, Method.MEASURED), START, "old")
    assert isinstance(per_thousand_good(Fresh(energy, START), 0), Unknown)
    assert per_thousand_good(Unknown("no device"), 250) == Unknown("no device")
