"""A line of a bill is read as FOCUS says, and names the machine as the node does."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from steelyard.core.economics.bill import bill_line, resource_key
from steelyard.core.economics.money import Money
from unit.core.bills import MACHINE, line, row


@pytest.mark.parametrize(
    ("node", "bill"),
    [
        (f"aws:///us-east-1a/{MACHINE}", MACHINE),
        (f"aws:///us-east-1a/{MACHINE}", f"arn:aws:ec2:us-east-1:123456789012:instance/{MACHINE}"),
        ("gce://proj/us-central1-a/gke-pool-1", "//compute.googleapis.com/projects/proj/zones/us-central1-a/instances/gke-pool-1"),
        (
            "azure:///subscriptions/S/resourceGroups/G/providers/Microsoft.Compute/virtualMachines/vm-1",
            "/subscriptions/s/resourcegroups/g/providers/microsoft.compute/virtualmachines/vm-1",
        ),
        ("rack-7", "Rack-7"),
    ],
)
def test_a_node_and_a_bill_name_the_same_machine(node: str, bill: str) -> None:
    assert resource_key(node) == resource_key(bill)


def test_two_machines_have_two_keys() -> None:
    names = ["aws:///a/i-0aaaaaaa", "aws:///a/i-0bbbbbbb", "gce://p/z/n", "gce://q/z/n", "i-am-no-instance"]
    assert len({resource_key(n) for n in names}) == len(names)


def test_a_row_of_text_and_one_of_types_say_the_same() -> None:
    typed = row() | {
        "EffectiveCost": Decimal("1.0"),
        "BilledCost": 1.0,
        "ChargePeriodStart": datetime(2026, 3, 1),  # noqa: DTZ001 - as Parquet without a time zone has it.
        "ChargePeriodEnd": datetime(2026, 3, 1, 1, tzinfo=UTC),
        "ChargeClass": None,
    }
    assert bill_line(typed) == line()
    assert line().effective == Money(1.0, "USD")


@pytest.mark.parametrize(
    ("unit", "quantity", "timed", "hours"),
    [
        ("Hours", "0.5", True, 0.5),
        ("Hrs", "1", True, 1.0),
        ("Seconds", "1800", True, 0.5),
        ("100 Hours", "0.01", True, 1.0),
        ("vCPU-Hours", "4", True, None),
        ("GB-Hours", "16", True, None),
        ("GB", "12", False, None),
        ("Hours", "", True, None),
        ("", "", True, None),
    ],
)
def test_what_is_charged_by_time_is_a_machine_and_plain_hours_are_counted(
    unit: str, quantity: str, timed: bool, hours: float | None
) -> None:
    found = line(ConsumedUnit=unit, ConsumedQuantity=quantity)
    assert (found.timed, found.hours) == (timed, hours)


def test_without_a_consumed_unit_the_priced_one_counts() -> None:
    assert line(ConsumedUnit="", PricingUnit="Hours", PricingQuantity="2").hours == 2.0


@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        ("EffectiveCost", "", "EffectiveCost is empty"),
        ("EffectiveCost", "free", "EffectiveCost 'free' is not a number"),
        ("BilledCost", "NaN", "BilledCost 'NaN' is not a finite number"),
        ("ChargePeriodStart", "yesterday", "ChargePeriodStart 'yesterday' is not a time"),
        ("ChargePeriodEnd", "2026-03-01T00:00:00Z", "is not after ChargePeriodStart"),
    ],
)
def test_a_row_that_cannot_be_read_says_which_column(column: str, value: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        bill_line(row() | {column: value})


def test_what_nothing_used_is_marked() -> None:
    assert line(CommitmentDiscountStatus="Unused").unused
    assert line(CapacityReservationStatus="Unused").unused
    assert not line(CommitmentDiscountStatus="Used").unused
