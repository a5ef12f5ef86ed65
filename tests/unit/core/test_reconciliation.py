"""The ledger against the bill: matched by machine and day, and every difference has its cause."""

from datetime import date

import pytest

from steelyard.core.economics.money import Money
from steelyard.core.economics.reconcile import reconcile
from steelyard.core.economics.reconciliation import Cause, NotANode, Reconciliation
from steelyard.core.facts.price import PriceClass
from unit.core.bills import MACHINE, OTHER, line, record

LIST = PriceClass.LIST


def causes(found: Reconciliation) -> dict[Cause, float]:
    (pool,) = found.pools
    return {cause: round(value, 9) for cause, value in pool.causes.items()}


def test_the_same_hours_at_the_same_price_agree() -> None:
    found = reconcile([line(hour=h) for h in range(24)], [record(hour=h) for h in range(24)], "USD")
    (pool,) = found.pools
    assert (pool.node_days, pool.ours, pool.theirs, pool.ratio, pool.within) == (1, 24.0, 24.0, 1.0, True)
    assert found.agrees


def test_a_machine_that_boots_before_it_joins_is_a_matter_of_hours() -> None:
    found = reconcile([line(hour=h) for h in range(4)], [record(0.75, hour=0.25, hours=0.75), *(record(hour=h) for h in (1, 2, 3))], "USD")
    assert causes(found) == {Cause.HOURS: -0.25, Cause.PRICE_CLASS: 0, Cause.COMMITMENT: 0}
    assert not found.agrees


def test_a_list_price_beside_a_contract_is_a_matter_of_the_price_and_is_not_judged() -> None:
    found = reconcile([line(0.8)], [record(1.0, word=LIST)], "USD")
    assert causes(found) == {Cause.HOURS: 0, Cause.PRICE_CLASS: 0.2, Cause.COMMITMENT: 0}
    assert found.pools[0].within is None
    assert found.agrees


def test_a_commitment_is_named_apart_from_the_price() -> None:
    covered = line(0.5, ContractedCost="0.9", CommitmentDiscountStatus="Used")
    assert causes(reconcile([covered], [record(1.0)], "USD")) == {Cause.HOURS: 0, Cause.PRICE_CLASS: 0.1, Cause.COMMITMENT: 0.4}


def test_hours_price_and_commitment_together_sum_to_the_difference() -> None:
    found = reconcile([line(0.5, ContractedCost="0.9"), line(0.5, hour=1, ContractedCost="0.9")], [record(1.0)], "USD")
    assert causes(found) == {Cause.HOURS: -1.0, Cause.PRICE_CLASS: 0.2, Cause.COMMITMENT: 0.8}
    assert found.matched[0].difference == pytest.approx(0.0), "right by three errors that cancel, and all three are named"


def test_lines_of_one_hour_are_one_hour() -> None:
    parts = [line(0.3, hours=0.5), line(0.7, hours=0.5), line(0.1, hours=1, ConsumedUnit="vCPU-Hours")]
    assert reconcile(parts, [record()], "USD").matched[0].billed_hours == 1.0
    cores = [line(0.5, hours=4), line(0.5, hours=4)]
    assert reconcile(cores, [record()], "USD").matched[0].billed_hours == 1.0, "core-hours in plain hours are no more than the time"


def test_a_machine_that_only_one_of_them_knows_is_told() -> None:
    late = record(2.0, resource=f"aws:///a/{OTHER}")
    found = reconcile([line()], [record(), late], "USD")
    assert [(r.key.resource, r.ours) for r in found.only_ledger] == [(OTHER, 2.0)]
    assert not found.agrees
    found = reconcile([line(), line(3.0, resource=OTHER)], [record()], "USD", ours=lambda each: each.resource == OTHER)
    assert [(r.key.resource, r.theirs) for r in found.only_bill] == [(OTHER, 3.0)]
    assert not found.agrees


def test_without_a_mark_of_ours_a_strange_machine_is_somebody_elses() -> None:
    found = reconcile([line(), line(3.0, resource=OTHER)], [record()], "USD")
    assert found.only_bill == ()
    assert found.left[NotANode.OTHER_RESOURCE] == 3.0
    assert found.agrees


def test_a_machine_that_boots_before_midnight_is_no_strange_one() -> None:
    bill = [line(0.01, hour=23, hours=0.01), *(line(hour=h) for h in range(24, 48))]
    days = [*(record(hour=h, resource="old") for h in range(24)), *(record(hour=h) for h in range(24, 48))]
    found = reconcile([*bill, *(line(hour=h, resource="old") for h in range(24))], days, "USD")
    assert found.only_bill == ()
    assert causes(found)[Cause.HOURS] == pytest.approx(-0.01)
    assert found.agrees


def test_what_is_no_hour_of_a_node_is_compared_with_nothing_and_told() -> None:
    found = reconcile(
        [
            line(),
            line(5.0, CommitmentDiscountStatus="Unused"),
            line(7.0, ConsumedUnit="GB"),
            line(-2.0, ChargeClass="Correction"),
            line(11.0, ChargeCategory="Tax", resource=None),
            line(13.0, resource="some-bucket"),
            line(17.0, hour=24),
        ],
        [record()],
        "USD",
    )
    assert found.agrees
    assert {kind.value: amount for kind, amount in found.left.items()} == {
        "UnusedCommitment": 5.0,
        "BesideHours": 7.0,
        "Correction": -2.0,
        "OtherCategory": 11.0,
        "OtherResource": 13.0,
        "OtherDay": 17.0,
    }
    assert found.effective == 52.0


def test_a_line_over_days_is_spread_evenly() -> None:
    long = line(48.0, ChargePeriodEnd="2026-03-03T00:00:00Z", ConsumedQuantity="48")
    found = reconcile([long], [record(24.0, hours=24), record(24.0, hour=24, hours=24)], "USD")
    assert [(r.key.day, r.theirs, r.billed_hours) for r in found.matched] == [
        (date(2026, 3, 1), 24.0, 24.0),
        (date(2026, 3, 2), 24.0, 24.0),
    ]


def test_a_record_over_midnight_is_cut() -> None:
    found = reconcile([line(hour=23), line(hour=24)], [record(2.0, hour=23, hours=2)], "USD")
    assert [(r.ours, r.theirs) for r in found.matched] == [(1.0, 1.0), (1.0, 1.0)]


def test_another_currency_is_in_no_sum() -> None:
    found = reconcile([line(), line(100.0, BillingCurrency="EUR")], [record()], "USD")
    assert found.foreign == (Money(100.0, "EUR"),)
    assert found.effective == 1.0
    assert found.agrees


def test_a_node_without_a_price_is_left_out_and_counted() -> None:
    found = reconcile([line(), line(resource=OTHER)], [record(None, word=None), record(resource=OTHER)], "USD")
    (pool,) = found.pools
    assert (pool.node_days, pool.unpriced, pool.ours) == (1, 1, 1.0)


@pytest.mark.parametrize(
    ("word", "off", "within"),
    [
        (PriceClass.EFFECTIVE, 0.019, True),
        (PriceClass.EFFECTIVE, 0.021, False),
        (PriceClass.CONTRACTED, 0.049, True),
        (PriceClass.SPOT_MARKET, -0.051, False),
        (PriceClass.LIST, 0.5, None),
        (PriceClass.STATIC, 0.5, None),
    ],
)
def test_how_near_it_must_be_is_a_matter_of_the_prices_class(word: PriceClass, off: float, within: bool | None) -> None:
    assert reconcile([line()], [record(1 + off, word=word)], "USD").pools[0].within is within


def test_one_price_that_claims_nothing_leaves_its_pool_unjudged() -> None:
    found = reconcile([line(), line(resource=OTHER)], [record(), record(2.0, resource=OTHER, word=LIST)], "USD")
    assert found.pools[0].within is None


def test_days_can_be_chosen_and_none_is_an_error() -> None:
    lines, records = [line(), line(hour=24)], [record(), record(3.0, hour=24)]
    assert reconcile(lines, records, "USD", until=date(2026, 3, 1)).pools[0].ours == 1.0
    assert reconcile(lines, records, "USD", since=date(2026, 3, 2)).pools[0].ours == 3.0
    with pytest.raises(ValueError, match="no record of a node on these days"):
        reconcile(lines, records, "USD", since=date(2026, 4, 1))


def test_a_machine_is_matched_however_it_is_named() -> None:
    arn = f"arn:aws:ec2:us-east-1:123456789012:instance/{MACHINE}"
    assert len(reconcile([line(resource=arn)], [record()], "USD").matched) == 1
