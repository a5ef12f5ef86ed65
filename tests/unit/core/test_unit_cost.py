"""Cost per 1,000 good requests and, of the same money, per 1M tokens of them: ratios of sums."""

import random
from datetime import timedelta

import pytest

from steelyard.core.economics.unit_cost import unit_cost
from steelyard.core.facts.tokens import Counted, Tokens
from steelyard.core.facts.unit_cost import Unit, UnitCost
from steelyard.core.facts.window import Window
from unit.core.world import START

BUSY = Counted(input=90_000, cached=0, output=30_000)
"""Of all requests, those that were not good included: it is in no denominator."""


def spent(minute: int, cost: float | None = 0.5, good: int = 100, read: int = 40_000, made: int = 10_000) -> Window:
    start = START + timedelta(minutes=minute)
    of_good = Counted(input=read, cached=read // 8, output=made)
    return Window(
        start=start,
        end=start + timedelta(minutes=1),
        good=good,
        slow=7,
        error=0,
        shed=0,
        replica_seconds=60.0,
        busy_seconds=None,
        cost=cost,
        steady=True,
        tokens=Tokens(every=BUSY, good=of_good),
    )


def of(*windows: Window) -> UnitCost | None:
    return unit_cost(windows, random.Random(1))


EVEN = tuple(spent(i) for i in range(12))


@pytest.mark.parametrize(("unit", "value"), [(Unit.GOOD_REQUESTS, 5.0), (Unit.OUTPUT_TOKENS, 50.0), (Unit.INPUT_TOKENS, 12.5)])
def test_a_unit_costs_all_of_the_money_over_the_units(unit: Unit, value: float) -> None:
    cost = of(*EVEN)
    assert cost is not None and cost.output is not None and cost.input is not None
    interval = cost.by(unit)
    assert interval is not None
    assert (interval.point, interval.lower, interval.upper) == pytest.approx((value, value, value))
    units = {Unit.GOOD_REQUESTS: cost.good, Unit.OUTPUT_TOKENS: cost.output.tokens, Unit.INPUT_TOKENS: cost.input.tokens}[unit]
    assert interval.point * units / unit.per == pytest.approx(cost.cost) == 6.0, (
        "whoever reads it can recompute it, and find it on the bill"
    )


def test_it_is_a_ratio_of_sums_and_no_mean_of_ratios() -> None:
    cost = of(spent(0, made=1_000_000), spent(1, made=1_000))
    assert cost is not None and cost.output is not None
    assert cost.output.interval.point == pytest.approx(1e6 * 1.0 / 1_001_000)
    assert cost.output.interval.lower < cost.output.interval.point < cost.output.interval.upper


def test_tokens_that_a_cache_kept_are_input_all_the_same_and_told_apart() -> None:
    cost = of(*EVEN)
    assert cost is not None and cost.input is not None
    assert (cost.input.tokens, cost.cached) == (480_000, 60_000)
    unknown = tuple(w._replace(tokens=Tokens(every=BUSY, good=Counted(input=40_000, cached=None, output=10_000))) for w in EVEN)
    untold = of(EVEN[0], *unknown[1:])
    assert untold is not None and untold.input is not None
    assert (untold.input.interval.point, untold.cached) == (cost.input.interval.point, None), "not zero"


def test_without_traffic_there_is_no_value() -> None:
    assert of() is None
    assert of(*(spent(i, good=0, read=0, made=0) for i in range(12))) is None


def test_one_unknown_price_leaves_all_unknown_and_one_untold_window_the_tokens() -> None:
    assert of(*EVEN, spent(12, cost=None)) is None
    for untold in (None, Tokens(every=BUSY, good=None)):
        cost = of(*EVEN, spent(12)._replace(tokens=untold))
        assert cost is not None
        assert cost.output is cost.input is cost.cached is None, "the money of that minute would be divided by the tokens of the others"


def test_a_window_in_which_nobody_came_costs_and_has_no_tokens() -> None:
    cost = of(*EVEN, spent(12, good=0, read=0, made=0))
    assert cost is not None and cost.output is not None
    assert cost.output.interval.point == pytest.approx(50.0 * 13 / 12)


def test_requests_that_make_no_tokens_cost_nothing_by_tokens() -> None:
    cost = of(*(spent(i, made=0) for i in range(12)))
    assert cost is not None
    assert (cost.output, cost.input is None) == (None, False)
