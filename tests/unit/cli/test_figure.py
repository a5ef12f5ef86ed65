from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from steelyard.api.objective import CostUnit
from steelyard.cli.facts.plain import cleaned
from steelyard.cli.facts.workload import GOOD_REQUESTS
from steelyard.cli.text.figure import (
    age,
    ago,
    basis,
    count,
    duration,
    interval,
    milliseconds,
    money,
    node_price,
    percent,
    price_age,
    replicas,
    unit_cost,
    with_interval,
)
from steelyard.cli.unit import REQUESTS, UNITS, unit_of
from steelyard.status.read.field import moment, number, whole

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_what_is_not_known_is_a_dash_and_never_zero():
    assert {money(None), count(None), percent(None), milliseconds(None), age(None, NOW), basis(None, 0), replicas(None, None)} == {"-"}
    assert interval(None, None, None) == ""
    assert replicas(0, None) == "0/-"


def test_money_keeps_three_digits_without_exponents():
    assert [money(Decimal(v)) for v in ("0.0000213", "0.00381", "12.345", "1234.5", "0", "-0.5")] == [
        "0.0000213",
        "0.00381",
        "12.3",
        "1234",
        "0",
        "-0.500",
    ]


def test_an_interval_without_width_is_none():
    assert interval(Decimal("0.0019"), Decimal("0.0019"), Decimal("0.0019")) == ""
    assert with_interval(Decimal("0.0019"), Decimal("0.0018999"), Decimal("0.0019001")) == "0.00190"


def test_the_head_of_a_column_of_money_has_its_currency_where_there_is_one():
    assert unit_cost(["EUR", "EUR", None]) == "EUR/1K GOOD"
    assert unit_cost([None]) == unit_cost([]) == unit_cost(["EUR", "USD"]) == "COST/1K GOOD"
    assert (node_price(["EUR"]), node_price([])) == ("NODE EUR/H", "NODE PRICE/H")


def test_every_unit_of_the_api_has_its_words():
    assert {*UNITS, GOOD_REQUESTS} == {*(unit.value for unit in CostUnit), REQUESTS}
    assert {unit_of(word).counted for word in (None, GOOD_REQUESTS, "FromTheFuture")} == {"good requests"}


def test_a_price_of_next_year_has_no_age():
    assert price_age(NOW + timedelta(days=365), NOW) == "of a day to come"
    assert price_age(NOW + timedelta(hours=14), NOW) == "0s"
    assert price_age(NOW - timedelta(days=3), NOW) == "3d"


def test_an_interval_has_the_decimals_of_its_figure():
    assert interval(Decimal("0.00095"), Decimal("0.0038"), Decimal("0.0019")) == "[0.00095, 0.00380]"
    assert interval(Decimal(1), None, Decimal("1.5")) == "[1.00, -]"


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (86399, "23h"), (86400, "1d"), (-5, "0s")]
)
def test_durations_take_the_largest_unit_that_says_enough(seconds, said):
    assert duration(seconds) == said


def test_a_moment_to_come_is_said_to_come():
    assert ago(NOW + timedelta(minutes=5), NOW) == "in 5m"
    assert ago(NOW - timedelta(minutes=5), NOW) == "5m ago"
    assert ago(NOW + timedelta(milliseconds=300), NOW) == "0s ago", "two clocks are never quite the same"
    assert ago(None, NOW) == "at an unknown time"


@pytest.mark.parametrize("value", [None, True, "", "abc", "NaN", "Infinity", [], {}])
def test_a_malformed_number_is_not_known(value):
    assert number({"x": value}, "x") is None


@pytest.mark.parametrize("value", [None, True, "3", 3.5])
def test_a_malformed_count_is_not_known(value):
    assert whole({"x": value}, "x") is None


def test_a_malformed_time_is_not_known():
    assert moment({"x": "yesterday"}, "x") is None
    assert moment({"x": "2026-03-01"}, "x") == NOW


def test_text_from_a_container_cannot_move_the_cursor():
    assert cleaned({"x": ["a\x1b[2Jb\r\nc\u202ed", 3, None]}) == {"x": ["a [2Jb c d", 3, None]}
