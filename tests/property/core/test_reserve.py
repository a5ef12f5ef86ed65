"""What is kept for a load misses as much as the error budget allows, and the law behind it is that of the queue."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.performance.lateness import Lateness
from steelyard.core.performance.waiting import answered, utilisation
from steelyard.core.planning.reserve import MOST, NARROWED, PARTS, Risk, reserve

limits = st.floats(2.5, 30.0)
allowances = st.sampled_from([0.05, 0.01, 0.001])


def risk(limit: float, allowed: float, budget: float = 0.5) -> Risk:
    return Risk(lateness=Lateness(allowed=allowed, busy=utilisation(allowed, limit)), budget=budget)


@effort(60)
@given(limit=limits, allowed=allowances, load=st.floats(0.5, 1.3))
def test_the_part_that_is_late_at_a_load_is_that_of_the_queue(limit: float, allowed: float, load: float) -> None:
    busy = utilisation(allowed, limit)
    late = float(Lateness(allowed=allowed, busy=busy).late([load])[0])
    if busy * load >= 0.99:
        return
    exact = 1 - answered(busy * load, limit)
    at_capacity = 1 - answered(busy, limit)
    assert late == pytest.approx(exact * allowed / at_capacity, rel=0.25, abs=allowed / 100)


@effort(60)
@given(limit=limits, allowed=allowances, one=st.floats(0.1, 2.0), other=st.floats(0.1, 2.0))
def test_more_load_is_never_less_late_and_the_capacity_is_late_with_what_is_allowed(
    limit: float, allowed: float, one: float, other: float
) -> None:
    law = risk(limit, allowed).lateness
    few, many = law.late([min(one, other)])[0], law.late([max(one, other)])[0]
    assert 0 <= few <= many <= 1
    assert law.late([1.0])[0] == pytest.approx(allowed, rel=1e-6)


@effort(40)
@given(limit=limits, allowed=allowances, spread=st.floats(0.02, 0.4), budget=st.sampled_from([0.1, 0.5, 1.0]), seed=st.integers(0, 99))
def test_of_loads_as_uncertain_as_told_as_many_are_late_as_the_budget_allows(
    limit: float, allowed: float, spread: float, budget: float, seed: int
) -> None:
    told = risk(limit, allowed, budget)
    kept = reserve(30.0, (30.0 * spread) ** 2, told)
    loads = np.random.default_rng(seed).gamma(1 / spread**2, 30.0 * spread**2, 400_000)
    late = float((loads * told.lateness.late(loads / kept)).sum() / loads.sum())
    assert late == pytest.approx(budget * allowed, rel=0.35)


@effort(60)
@given(mean=st.floats(0.01, 1e5), spread=st.floats(0.0, 3.0), limit=limits, budget=st.floats(0.0, 1.0))
def test_wider_and_stricter_keep_more_and_whatever_is_asked_the_answer_is_a_number(
    mean: float, spread: float, limit: float, budget: float
) -> None:
    variance = (spread * mean) ** 2
    kept = reserve(mean, variance, risk(limit, 0.01, budget))
    assert 0.5 * mean < kept <= 32.1 * mean
    if spread <= 1:
        assert reserve(mean, 1.5 * variance, risk(limit, 0.01, budget)) >= kept * (1 - 1e-3)
    assert reserve(mean, variance, risk(limit, 0.01, budget / 2)) >= kept * (1 - 1e-3)
    assert reserve(2 * mean, 4 * variance, risk(limit, 0.01, budget)) == pytest.approx(2 * kept, rel=1e-3), "no unit is special"


def test_a_tenth_above_the_capacity_is_late_as_docs_explanation_capacity_says() -> None:
    late = [float(risk(limit, 0.01).lateness.late([1.1])[0]) for limit in (3.0, 7.5, 25.0)]
    assert late[:2] == pytest.approx([0.014, 0.033], abs=0.0005)
    assert late[2] > 0.95


def test_nothing_asked_for_keeps_nothing() -> None:
    assert reserve(0.0, 0.0, risk(7.5, 0.01)) == 0.0


def test_what_was_missed_lately_makes_it_keep_more_or_less() -> None:
    law = Lateness(allowed=0.01, busy=0.7)
    kept = [reserve(30.0, 9.0, Risk(lateness=Lateness(allowed=0.01, busy=0.7, correction=c))) for c in (0.5, 1.0, 3.0)]
    assert kept == sorted(kept) and kept[0] < kept[2]
    assert law.late([5.0])[0] == 1.0


@effort(60)
@given(
    mean=st.floats(0.1, 1e4),
    spread=st.floats(0.0, 1.0),
    limit=limits,
    budget=st.floats(0.01, 1.0),
    correction=st.sampled_from([0.25, 1.0, 8.0]),
)
def test_it_is_what_is_found_where_every_capacity_of_each_gap_is_tried(
    mean: float, spread: float, limit: float, budget: float, correction: float
) -> None:
    told = risk(limit, 0.01, budget)
    told = replace(told, lateness=replace(told.lateness, correction=correction))
    variance = (mean * spread) ** 2
    low, high = mean / MOST, mean * MOST
    for _ in range(NARROWED):
        tried = low * (high / low) ** np.linspace(0.0, 1.0, PARTS + 1)
        enough = next((at for at, each in enumerate(tried[1:-1], start=1) if _late(told, mean, variance, each) <= told.spent), PARTS)
        low, high = float(tried[enough - 1]), float(tried[enough])
    assert reserve(mean, variance, told) == high


def _late(told: Risk, mean: float, variance: float, capacity: float) -> float:
    """The part of the requests that is late, by the same law of the load."""
    shape, normal = mean**2 / max(variance, 1e-12 * mean**2), np.arange(-4.0, 4.75, 0.125)
    loads = mean * np.maximum(0.0, 1 - 1 / (9 * shape) + normal / (3 * shape**0.5)) ** 3
    asked = np.exp(-(normal**2) / 2) * loads
    return float(told.lateness.late(loads / capacity) @ asked / asked.sum())
