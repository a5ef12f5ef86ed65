"""Cost per 1,000 good requests and per 1M tokens: ratios of sums, with the mix that a figure of tokens needs."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from steelyard.core.economics.unit_cost import Spent, unit_cost
from steelyard.core.facts.unit_cost import Unit, UnitCost
from unit.core.world import START


def spent(minute: int, cost: float | None = 0.5, good: int = 100, read: int | None = 40_000, made: int | None = 10_000) -> Spent:
    start = START + timedelta(minutes=minute)
    return Spent(start=start, end=start + timedelta(minutes=1), cost=cost, good=good, input_tokens=read, output_tokens=made)


def of(unit: Unit, *windows: Spent) -> UnitCost | None:
    return unit_cost(windows, unit, random.Random(1))


EVEN = tuple(spent(i) for i in range(12))


@pytest.mark.parametrize(("unit", "value"), [(Unit.GOOD_REQUESTS, 5.0), (Unit.OUTPUT_TOKENS, 50.0), (Unit.INPUT_TOKENS, 12.5)])
def test_a_unit_costs_the_money_over_the_units(unit: Unit, value: float) -> None:
    cost = of(unit, *EVEN)
    assert cost is not None
    assert cost.interval.point == pytest.approx(value)
    assert cost.interval.lower == pytest.approx(value)
    assert cost.unit is unit
    assert cost.interval.point * (cost.tokens or cost.good) / unit.per == pytest.approx(cost.cost), "whoever reads it can recompute it"


def test_it_is_a_ratio_of_sums_and_no_mean_of_ratios() -> None:
    cost = of(Unit.OUTPUT_TOKENS, spent(0, made=1_000_000), spent(1, made=1_000))
    assert cost is not None
    assert cost.interval.point == pytest.approx(1e6 * 1.0 / 1_001_000)
    assert cost.interval.lower < cost.interval.point < cost.interval.upper


def test_a_figure_of_tokens_says_its_mix() -> None:
    cost = of(Unit.OUTPUT_TOKENS, *EVEN)
    assert cost is not None
    assert (cost.input_per_output, cost.split) == (4.0, False)
    unread = of(Unit.OUTPUT_TOKENS, *(replace(w, input_tokens=None) for w in EVEN))
    assert unread is not None
    assert unread.input_per_output is None


def test_money_is_divided_between_input_and_output_where_their_time_is_known() -> None:
    parted = [replace(w, output_part=0.8) for w in EVEN]
    made, read = of(Unit.OUTPUT_TOKENS, *parted), of(Unit.INPUT_TOKENS, *parted)
    assert made is not None
    assert read is not None
    assert made.split
    assert made.interval.point == pytest.approx(40.0)
    assert made.cost + read.cost == pytest.approx(sum(w.cost or 0 for w in EVEN))
    half = of(Unit.OUTPUT_TOKENS, *parted[:6], *EVEN[6:])
    assert half is not None
    assert not half.split, "a part of the time is not enough"
    assert of(Unit.GOOD_REQUESTS, *parted) == of(Unit.GOOD_REQUESTS, *EVEN), "a request pays for both"


@pytest.mark.parametrize("unit", Unit)
def test_without_traffic_there_is_no_value(unit: Unit) -> None:
    assert of(unit) is None
    assert of(unit, *(spent(i, good=0, read=0, made=0) for i in range(12))) is None


def test_one_unknown_price_or_count_leaves_the_figure_unknown() -> None:
    assert of(Unit.GOOD_REQUESTS, *EVEN, spent(12, cost=None)) is None
    assert of(Unit.OUTPUT_TOKENS, *EVEN, spent(12, made=None)) is None
    assert of(Unit.GOOD_REQUESTS, *EVEN, spent(12, made=None)) is not None
