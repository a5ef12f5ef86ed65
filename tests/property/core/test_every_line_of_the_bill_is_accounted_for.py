"""Every line of the bill stands on a node or in what is left, once; causes sum to differences; the order of lines changes nothing."""

from __future__ import annotations

from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.economics.bill import BillLine
from steelyard.core.economics.node_cost import NodeCost
from steelyard.core.economics.reconcile import reconcile
from steelyard.core.facts.price import PriceClass
from unit.core.bills import MACHINE, OTHER, line, record

amounts = st.integers(-200, 2000).map(lambda cents: cents / 100)
hours = st.integers(0, 60)
lines = st.builds(
    lambda cost, hour, quantity, resource, category, status, contracted, unit, end, currency: line(
        cost,
        hour=hour,
        hours=quantity,
        resource=resource,
        ChargeCategory=category,
        CommitmentDiscountStatus=status,
        ContractedCost="" if contracted is None else str(contracted),
        ConsumedUnit=unit,
        BillingCurrency=currency,
        **({} if end is None else {"ChargePeriodEnd": f"2026-03-{end:02}T00:00:00Z"}),
    ),
    amounts,
    hours,
    st.floats(0, 1),
    st.sampled_from([MACHINE, OTHER, "i-0cccccccc", "bucket", None]),
    st.sampled_from(["Usage", "Usage", "Usage", "Tax", "Purchase"]),
    st.sampled_from(["", "Used", "Unused"]),
    st.none() | amounts,
    st.sampled_from(["Hours", "Hours", "vCPU-Hours", "GB"]),
    st.sampled_from([None, None, 5]),
    st.sampled_from(["USD", "USD", "USD", "EUR"]),
)
records = st.builds(
    lambda cost, hour, long, resource, pool, word: record(cost, hour=hour, hours=long, resource=resource, pool=pool, word=word),
    st.none() | st.floats(0.01, 50),
    hours,
    st.floats(0.1, 30),
    st.sampled_from([MACHINE, OTHER]),
    st.sampled_from(["p", "q"]),
    st.sampled_from(PriceClass),
)


def ours(each: BillLine) -> bool:
    return each.resource == "i-0cccccccc"


@effort(200)
@given(bill=st.lists(lines, max_size=15), ledger=st.lists(records, min_size=1, max_size=6))
def test_nothing_of_the_bill_is_lost_or_there_twice(bill: list[BillLine], ledger: list[NodeCost]) -> None:
    found = reconcile(bill, ledger, "USD", ours=ours)
    whole = fsum(each.effective.amount for each in bill if each.effective.currency == "USD")
    told = fsum(row.theirs for row in (*found.matched, *found.only_bill) if row.theirs is not None) + fsum(found.left.values())
    assert told == pytest.approx(whole, rel=1e-9, abs=1e-9)
    assert found.effective == pytest.approx(whole, rel=1e-9, abs=1e-9)
    foreign = fsum(each.effective.amount for each in bill if each.effective.currency == "EUR")
    assert fsum(each.amount for each in found.foreign) == pytest.approx(foreign, abs=1e-9)


@effort(200)
@given(bill=st.lists(lines, max_size=15), ledger=st.lists(records, min_size=1, max_size=6))
def test_causes_sum_to_the_difference(bill: list[BillLine], ledger: list[NodeCost]) -> None:
    found = reconcile(bill, ledger, "USD", ours=ours)
    for row in found.matched:
        if row.difference is not None:
            assert fsum(row.causes.values()) == pytest.approx(row.difference, rel=1e-9, abs=1e-9)
    for pool in found.pools:
        assert fsum(pool.causes.values()) == pytest.approx(pool.ours - pool.theirs, rel=1e-9, abs=1e-9)


@effort(100)
@given(bill=st.lists(lines, max_size=10), ledger=st.lists(records, min_size=1, max_size=6), chance=st.randoms(use_true_random=False))
def test_the_order_of_lines_and_records_changes_nothing(bill: list[BillLine], ledger: list[NodeCost], chance) -> None:
    turned, shuffled = list(bill), list(ledger)
    chance.shuffle(turned)
    chance.shuffle(shuffled)
    one, other = reconcile(bill, ledger, "USD", ours=ours), reconcile(turned, shuffled, "USD", ours=ours)
    assert one.agrees == other.agrees
    assert [r.key for r in one.matched] == [r.key for r in other.matched]
    for mine, theirs in zip(one.matched, other.matched, strict=True):
        assert (mine.node, mine.ours is None) == (theirs.node, theirs.ours is None)
        assert mine.theirs == pytest.approx(theirs.theirs, abs=1e-9)
