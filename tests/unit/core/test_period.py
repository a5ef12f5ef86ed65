"""What a workload's nodes cost over some days: the parts sum to price times hours, and the bill less that is what is not explained."""

from datetime import timedelta
from math import fsum

import pytest

from steelyard.core.economics.ledger import Component
from steelyard.core.economics.node_cost import NodeCost, Part
from steelyard.core.economics.period import Period, PoolPeriod, Purpose, period
from steelyard.core.economics.reconciliation import Cause
from unit.core.bills import DAY, MACHINE, OTHER, line, record

MINE, THEIRS = "shop/search", "shop/chat"
ALL = (
    Part("", Component.IDLE, 0.2),
    Part("", Component.OVERHEAD, 0.05),
    Part("", Component.SHARED, 0.1),
    Part("", Component.OTHERS, 0.05),
    Part(MINE, Component.ALLOCATED, 0.3),
    Part(MINE, Component.TRANSITION, 0.1),
    Part(MINE, Component.TRIAL, 0.15),
    Part(THEIRS, Component.ALLOCATED, 0.05),
)


def day(
    *, hours: int = 24, resource: str = MACHINE, parts: tuple[Part, ...] = ALL, pool: str = "p", **more: float | None
) -> list[NodeCost]:
    return [record(hour=hour, resource=resource, parts=parts, pool=pool, **more) for hour in range(hours)]  # type: ignore[arg-type]


def bill(hours: int = 24, cost: float = 1.0, resource: str = MACHINE) -> list[object]:
    return [line(cost, hour=hour, resource=resource) for hour in range(hours)]


def of(found: Period) -> PoolPeriod:
    (only,) = found.pools
    return only


def test_money_is_told_by_what_it_was_for_and_sums_to_price_times_hours() -> None:
    found = of(period(day(), MINE))
    assert found.money == {
        Purpose.USED: pytest.approx(7.2),
        Purpose.IDLE: pytest.approx(4.8),
        Purpose.START: pytest.approx(1.2),
        Purpose.MOVES: pytest.approx(2.4),
        Purpose.TRIALS: pytest.approx(3.6),
        Purpose.SHARED: pytest.approx(2.4),
        Purpose.OTHER_WORKLOADS: pytest.approx(1.2),
        Purpose.OTHERS: pytest.approx(1.2),
        Purpose.UNTOLD: 0.0,
    }
    assert fsum(found.money.values()) == pytest.approx(24.0)
    assert (found.hours, found.node_days, found.billed) == (24.0, 1, None)


def test_a_machine_without_the_workload_is_in_no_sum() -> None:
    others = day(resource=OTHER, parts=(Part(THEIRS, Component.ALLOCATED, 1.0),))
    assert of(period([*day(), *others], MINE)) == of(period(day(), MINE))


def test_what_a_record_of_an_earlier_version_does_not_tell_is_told_as_that() -> None:
    found = of(period([*day(hours=12), *(record(hour=hour) for hour in range(12, 24))], MINE))
    assert found.money[Purpose.UNTOLD] == pytest.approx(12.0)
    assert fsum(found.money.values()) == pytest.approx(24.0)


def test_the_rest_is_the_bill_less_the_ledger_and_its_causes_sum_to_it() -> None:
    found = of(period(day(hours=20), MINE, bill=(bill(cost=1.1), "USD")))  # type: ignore[arg-type]
    assert found.billed is not None
    assert (found.billed.money, found.billed.ledger, found.billed.hours) == (pytest.approx(26.4), pytest.approx(20.0), 24.0)
    assert found.billed.causes == {
        Cause.HOURS: pytest.approx(-4.0),
        Cause.PRICE_CLASS: pytest.approx(-2.4),
        Cause.COMMITMENT: pytest.approx(0.0),
    }
    assert found.billed.missing == 0.0


def test_a_machine_that_the_bill_does_not_have_is_compared_with_nothing() -> None:
    found = of(period([*day(), *day(resource=OTHER)], MINE, bill=(bill(), "USD")))  # type: ignore[arg-type]
    assert found.billed is not None
    assert (found.billed.money, found.billed.ledger, found.billed.missing) == (24.0, pytest.approx(24.0), pytest.approx(24.0))


def test_a_node_day_without_a_price_is_left_out_and_counted() -> None:
    found = of(period([*day(), *day(resource=OTHER, hours=1), *(record(None, hour=1, resource=OTHER),)], MINE))
    assert (found.node_days, found.unpriced, found.hours) == (1, 1, 24.0)


def test_pools_are_told_apart_and_together() -> None:
    found = period([*day(), *day(resource=OTHER, pool="q", hours=6)], MINE)
    assert [(each.pool, each.hours) for each in found.pools] == [("p", 24.0), ("q", 6.0)]
    assert (found.together.pool, found.together.hours, found.together.node_days) == (None, 30.0, 2)


def test_hours_of_a_day_without_any_record_are_gaps() -> None:
    found = period([*day(hours=20), *day(hours=22, resource=OTHER)], MINE)
    assert found.gaps == {DAY.date(): pytest.approx(2.0)}
    assert period(day(), MINE).gaps == {}


def test_days_can_be_chosen_and_one_without_the_workload_is_refused() -> None:
    later = (DAY + timedelta(days=1)).date()
    two = [*day(), *(record(hour=24 + hour, parts=ALL) for hour in range(24))]
    found = period(two, MINE, since=later)
    assert (found.first, found.last, of(found).hours) == (later, later, 24.0)
    with pytest.raises(ValueError, match="no cost of the workload shop/other"):
        period(two, "shop/other")
