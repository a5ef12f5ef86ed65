"""A verdict as one sentence, whatever was claimed, and money only where both pools were measured."""

from dataclasses import replace
from decimal import Decimal

import pytest

from steelyard.api.claim import ClaimMetric, ClaimUnit, OperatingPoint
from steelyard.cli.view.claim_row import ClaimRow
from steelyard.cli.view.month import Month, MonthRow
from steelyard.cli.view.verdict import METRICS, POINTS, UNITS, sentences

HALF = ClaimRow(
    pool="inf2",
    name="half",
    metric="UnitCost",
    relative_to="g5",
    unit=None,
    at=None,
    counts="GoodRequests",
    verdict="Refuted",
    n=1200,
    claimed=Decimal("0.50"),
    measured=Decimal("0.83"),
    lower=Decimal("0.79"),
    upper=Decimal("0.88"),
    message=None,
    flips=None,
    conditions=None,
    lengths=(),
    source=None,
    date=None,
)
ABSOLUTE = replace(
    HALF, metric="Latency", relative_to=None, unit="Milliseconds", claimed=Decimal(80), measured=Decimal(1234), lower=None, upper=None
)


def month(unit="GoodRequests", **bases):
    rows = (MonthRow(pool=pool, money=Decimal(4960), lower=None, upper=None, basis=basis) for pool, basis in bases.items())
    return Month(units=Decimal(31_000_000), unit=unit, pools=tuple(rows))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (HALF, "inf2: claimed 0.50 of g5's unit cost, measured 0.83 [0.79, 0.88]: Refuted."),
        (
            replace(HALF, counts="OutputTokens"),
            "inf2: claimed 0.50 of g5's unit cost in output tokens, measured 0.83 [0.79, 0.88]: Refuted.",
        ),
        (
            replace(HALF, metric="Throughput", at="Objective", verdict="Confirmed"),
            "inf2: claimed 0.50 of g5's throughput at the objective, measured 0.83 [0.79, 0.88]: Confirmed.",
        ),
        (ABSOLUTE, "inf2: claimed a latency of 80 ms, measured 1,234: Refuted."),
        (replace(HALF, metric=None), "inf2: claimed 0.50 of g5's figure (half), measured 0.83 [0.79, 0.88]: Refuted."),
        (replace(HALF, claimed=None), "inf2: claimed unknown of g5's unit cost, measured 0.83 [0.79, 0.88]: Refuted."),
        (
            replace(HALF, measured=None, verdict="Inconclusive", message="g5 is not measured yet."),
            "inf2: claimed 0.50 of g5's unit cost: Inconclusive, g5 is not measured yet.",
        ),
    ],
)
def test_what_was_claimed_and_what_was_measured_are_one_sentence(row, said):
    (one,) = sentences([row], None, "USD")
    assert one.said == said


def test_every_word_of_the_api_has_words_for_people():
    assert set(METRICS) == {each.value for each in ClaimMetric}
    assert set(UNITS) == {each.value for each in ClaimUnit}
    assert set(POINTS) == {each.value for each in OperatingPoint}


@pytest.mark.parametrize(
    ("bases", "money"),
    [
        ({"g5": "Measured"}, "At your 31 M good requests a month 4,117 against 4,960 USD, not 2,480."),
        ({"g5": "Measured", "inf2": "Measured"}, "At your 31 M good requests a month 4,960 against 4,960 USD, not 2,480."),
        ({"g5": "Measured", "inf2": "Claimed"}, "At your 31 M good requests a month 4,117 against 4,960 USD, not 2,480."),
        ({"g5": "Claimed", "inf2": "Measured"}, None),
        ({"inf2": "Measured"}, None),
    ],
)
def test_money_is_of_pools_that_were_measured_and_else_follows_from_the_ratio(bases, money):
    (one,) = sentences([HALF], month(**bases), "USD")
    assert one.money == money


@pytest.mark.parametrize("row", [ABSOLUTE, replace(HALF, metric="Power"), replace(HALF, measured=None), replace(HALF, claimed=None)])
def test_what_is_no_ratio_of_costs_or_not_measured_is_no_money(row):
    (one,) = sentences([row], month(g5="Measured"), "USD")
    assert one.money is None
