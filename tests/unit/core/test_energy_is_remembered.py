"""What a good request draws, and how long it takes, is written when it says something new, and not forgotten when it is not told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from steelyard.core.facts.capacity import Basis, Capacity
from steelyard.core.facts.energy import UnitEnergy
from steelyard.core.facts.memory import Known
from steelyard.core.facts.percentile import Percentile
from steelyard.core.facts.unit_cost import UnitCost
from steelyard.core.performance.evidence import remember
from steelyard.core.statistics.interval import Interval

LEAST = 300
AT = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


def near(value: float, off: float) -> Interval:
    return Interval(value, value / off, value * off)


def known(joules: float | None, milliseconds: float | None, *, off: float = 1.05) -> Known:
    energy = None if joules is None else UnitEnergy(near(joules, off), near(20 * joules, off), 20.0, 1000, estimated=False)
    percentile = None if milliseconds is None else Percentile(near(milliseconds, off), 99.0, 20.0, 1000)
    capacity = Capacity(near(30.0, 1.01), Basis.MEASURED, 1000)
    cost = UnitCost(near(0.01, 1.01), 1000, 1.0, AT, AT, 2)
    return Known(pool="a", revision="r", capacity=capacity, unit_cost=cost, steady=True, energy=energy, percentile=percentile)


def test_figures_that_differ_by_chance_are_not_written_again() -> None:
    old = known(5.0, 80.0)
    assert remember(old, known(5.2, 83.0), LEAST) == old


def test_another_energy_another_latency_and_one_that_is_known_far_better_are_news() -> None:
    old = known(5.0, 80.0)
    dearer, slower, surer = known(8.0, 80.0), known(5.0, 160.0), known(5.01, 80.1, off=1.005)
    assert remember(old, dearer, LEAST) == replace(old, energy=dearer.energy)
    assert remember(old, slower, LEAST) == replace(old, percentile=slower.percentile)
    assert remember(old, surer, LEAST) == replace(old, energy=surer.energy, percentile=surer.percentile)


def test_the_first_figure_is_news_and_one_that_is_not_told_any_more_stays() -> None:
    told, silent = known(5.0, 80.0), known(None, None)
    assert remember(silent, told, LEAST) == told
    assert remember(told, silent, LEAST) == told


def test_news_of_the_capacity_brings_no_new_energy_and_loses_none() -> None:
    old, less = known(5.0, 80.0), Capacity(near(15.0, 1.01), Basis.MEASURED, 1000)
    for energy in (5.2, None):
        kept = remember(old, replace(known(energy, None), capacity=less), LEAST)
        assert kept == replace(old, capacity=less)
