"""Saved against what would have been, and only what was measured counts."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from steelyard.core.facts.capacity import Basis, Capacity
from steelyard.core.performance.capacity import claimed
from steelyard.core.planning.saving import Alternative, Past, Saving, against_best_single, against_mix
from steelyard.core.statistics.interval import Interval
from steelyard.core.vocabulary.reading import Fresh, Stale, Unknown
from unit.core.world import START


def pool(hourly: float = 1.0, rate: float = 10.0, spread: float = 1.25) -> Alternative:
    return Alternative(hourly=Fresh(hourly, START), capacity=Capacity(Interval(rate, rate / spread, rate * spread), Basis.MEASURED, 1000))


CLAIMED = replace(pool(), capacity=claimed(10.0))
UNPRICED = replace(pool(), hourly=Unknown("the price of b is not known"))


def past(demand: float = 100.0, actual: float | None = 8.0, seconds: float = 3600, **pools: Alternative) -> Past:
    return Past(seconds=seconds, demand=demand, actual=actual, pools=pools or {"a": pool()})


def saving(found: Saving | Unknown) -> Saving:
    assert isinstance(found, Saving), found
    return found


def test_it_is_what_the_replicas_would_have_cost_less_what_was_paid() -> None:
    found = saving(against_best_single([past()]))
    assert found.counterfactual == Interval(10.0, 8.0, 13.0)
    assert found.money == Interval(2.0, 0.0, 5.0)
    assert not found.sure, "an interval that covers 0 claims nothing"
    assert saving(against_best_single([past(actual=7.0)])).sure


def test_the_counterfactual_scales_with_the_load() -> None:
    found = saving(against_best_single([past(demand=100), past(demand=10), past(demand=0, actual=1.0)]))
    assert found.counterfactual.point == 10 + 1 + 1


def test_the_best_pool_in_hindsight_is_the_rival() -> None:
    windows = [past(a=pool(1.0), b=pool(0.9)), past(a=pool(1.0), b=pool(0.9))]
    assert saving(against_best_single(windows)).against == {"b": 1.0}
    swings = [past(a=pool(1.0), b=pool(3.0)), past(a=pool(3.0), b=pool(1.0))]
    assert saving(against_best_single(swings)).counterfactual.point == 40, "one pool throughout: nobody could change without moving"


def test_a_mix_is_divided_and_rounded_up_on_each_pool() -> None:
    windows = [past(demand=95, a=pool(1.0), b=pool(2.0))]
    found = saving(against_mix(windows, {"a": 0.5, "b": 0.5}))
    assert found.counterfactual.point == 5 * 1.0 + 5 * 2.0
    assert found.against == {"a": 0.5, "b": 0.5}


@pytest.mark.parametrize("unknown", [CLAIMED, UNPRICED, replace(pool(), capacity=None), replace(pool(), hourly=Stale(1.0, START, "old"))])
def test_what_was_not_measured_is_not_counted(unknown: Alternative) -> None:
    assert isinstance(against_best_single([past(a=unknown)]), Unknown)
    found = saving(against_mix([past(a=pool()), past(a=unknown, seconds=1800)], {"a": 1.0}))
    assert (found.counted_seconds, found.left_out_seconds) == (3600, 1800)
    assert found.actual == 8.0, "left out on both sides"


def test_a_window_whose_own_cost_is_unknown_counts_on_neither_side() -> None:
    found = saving(against_best_single([past(), past(actual=None)]))
    assert (found.actual, found.counterfactual.point, found.left_out_seconds) == (8.0, 10.0, 3600)


def test_a_pool_that_was_measured_for_a_part_of_the_time_is_no_rival() -> None:
    windows = [past(a=pool(1.0), b=pool(0.1)), past(a=pool(1.0), b=CLAIMED)]
    assert saving(against_best_single(windows)).against == {"a": 1.0}
    assert isinstance(against_best_single([past(a=pool(), b=CLAIMED), past(a=CLAIMED, b=pool())]), Unknown)


def test_unknown_says_why() -> None:
    for windows, why in (
        ([past(a=CLAIMED)], "its capacity was claimed"),
        ([past(a=UNPRICED)], "the price of b is not known"),
        ([past(b=pool())], "pool a is not among them"),
        ([past(actual=None)], "what was paid"),
        ([], "there is no window"),
    ):
        found = against_mix(windows, {"a": 1.0})
        assert isinstance(found, Unknown)
        assert why in found.why


def test_a_saving_may_be_negative() -> None:
    assert saving(against_best_single([past(actual=20.0)])).money == Interval(-10.0, -12.0, -7.0)


@pytest.mark.parametrize("mix", [{}, {"a": 0.5}, {"a": 1.5, "b": -0.5}])
def test_a_mix_that_is_none_is_refused(mix: Mapping[str, float]) -> None:
    with pytest.raises(ValueError, match="a mix divides the whole load"):
        against_mix([past()], mix)
